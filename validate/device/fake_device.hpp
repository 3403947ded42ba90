#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>

#include "validate/device/device.hpp"
#include "validate/host/memory.hpp"

namespace hsap::device {

/// A device in host memory, for tests. Nothing runs before it must; then the streams take turns in
/// random order, each as far as the events it waits for allow. Fresh memory holds huge numbers, so
/// that who reads them is found out; attention takes nothing else than a GPU does (kernels.hpp):
/// aligned operands inside the memory that was taken, and no NaN, even beside the slices. A capture
/// that breaks one of CUDA's rules yields no graph; streams inside a graph take random turns, too.
class FakeDevice : public Device {
 public:
  explicit FakeDevice(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] Result<std::byte*> allocate(std::int64_t bytes) override;
  [[nodiscard]] std::int64_t allocated_bytes() const override { return allocated_bytes_; }
  /// Nothing else is there.
  [[nodiscard]] Result<std::int64_t> used_bytes() const override { return allocated_bytes_; }
  [[nodiscard]] Result<Setup> setup() const override {
    return Setup{{"device", "a fake in host memory"}};
  }
  [[nodiscard]] Status write(std::byte* to, std::span<const std::byte> from) override;
  [[nodiscard]] Status read(std::span<std::byte> to, const std::byte* from) override;
  [[nodiscard]] StreamId make_stream(Stream role) override;
  [[nodiscard]] EventId make_event() override;
  [[nodiscard]] Status record(EventId event, StreamId stream) override;
  [[nodiscard]] Status wait(StreamId stream, EventId event) override;
  [[nodiscard]] Status record_time(EventId event, StreamId stream) override;
  /// Errors: streams that wait for each other, operands of attention that a GPU does not take.
  [[nodiscard]] Status synchronize() override;
  /// Counts the work done between the two. Errors: one that was never recorded, or for its order in
  /// a graph.
  [[nodiscard]] Result<double> seconds_between(EventId begin, EventId end) override;
  [[nodiscard]] Status begin_capture(StreamId stream) override;
  /// Errors: what broke the capture; a stream that was not joined.
  [[nodiscard]] Result<Launch> end_capture(StreamId stream) override;
  [[nodiscard]] Result<Launch> prepare(const Attend& call) override;
  [[nodiscard]] Result<Launch> prepare(const AttendBackward& call) override;
  [[nodiscard]] Result<Launch> prepare(const Delta& call) override;
  [[nodiscard]] Result<Launch> prepare(const Merge& call) override;
  [[nodiscard]] Result<Launch> prepare(const Move& call) override;

  /// Puts work on a stream that is tried until it says that it is done. Meanwhile nothing that
  /// comes later on the stream runs. In a graph it begins again with every run.
  void put(StreamId stream, std::function<bool()> attempt);
  /// Whether what is put on the stream becomes part of a graph.
  [[nodiscard]] bool captures(StreamId stream) const {
    return capture_ && capture_->reached.contains(stream);
  }
  /// An error during a capture, which it breaks.
  [[nodiscard]] Status outside_of_capture(const char* call);
  /// Ends a wait for work that others must help with: asked now and then; an error ends
  /// synchronize.
  void set_poll(std::function<Status()> poll) { poll_ = std::move(poll); }

 private:
  /// What the latest record of an event was for.
  enum class Recorded : std::uint8_t { never, on_a_stream, in_a_graph, for_its_time };
  struct Event {
    Recorded latest = Recorded::never;
    int work_before = 0;
  };
  struct Task {
    std::function<bool()> attempt;  ///< null for events
    EventId records = -1;
    EventId waits_for = -1;  ///< nothing to do, but not before so many records have happened
    int happened = 0;
  };
  /// Streams with what they have left to do: of the device, or of one run of a graph.
  struct Queues {
    std::map<StreamId, std::deque<Task>> streams;
    std::map<EventId, int> asked;     ///< records put on streams
    std::map<EventId, int> happened;  ///< records that have run

    void record(StreamId stream, EventId event);
    void wait(StreamId stream, EventId event);
    [[nodiscard]] bool can_go_on(const std::deque<Task>& stream) const;
  };
  /// Of each stream, how many of its tasks come before.
  using Reached = std::map<StreamId, int>;
  struct Capture {
    StreamId origin = 0;
    Queues queues;
    std::map<StreamId, Reached> reached;  ///< before what comes next on the streams that take part
    std::map<EventId, Reached> recorded;
    Status wrong;
  };
  struct Graph {
    Queues captured;
    bool runs = false;
  };
  enum class Step : std::uint8_t { ended, moved, waits, stuck };

  struct Piece {
    std::unique_ptr<std::byte[]> owner;
    std::byte* data = nullptr;
    std::int64_t bytes = 0;
  };

  /// Attention over operands whose rows a GPU kernel may all read, as a launch.
  [[nodiscard]] Launch attention(std::vector<Array> operands, std::function<void()> attend);
  [[nodiscard]] Status check_operand(const Array& array) const;
  /// One step of one stream. `waits`: for other ranks; `stuck`: for each other.
  [[nodiscard]] Step step(Queues& queues);
  /// One run of a graph: whether it has ended.
  [[nodiscard]] bool advance(Graph& graph, std::optional<Queues>& run);
  [[nodiscard]] Status broken(const std::string& why);
  [[nodiscard]] Event& at(EventId event) { return events_[static_cast<std::size_t>(event)]; }
  /// The rows of an array as the host kernels see them: a token is a row.
  [[nodiscard]] host::View view(const Array& array, int first_head);

  std::mt19937_64 random_;
  std::vector<Piece> memory_;
  Queues queues_;
  std::vector<Event> events_;
  std::optional<Capture> capture_;
  std::map<std::int64_t, std::unique_ptr<host::Rows>> rows_;
  std::function<Status()> poll_;
  Status wrong_;
  int work_ = 0;
  std::int64_t allocated_bytes_ = 0;
};

}  // namespace hsap::device
