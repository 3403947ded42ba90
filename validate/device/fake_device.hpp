#pragma once

#include <deque>
#include <memory>
#include <random>

#include "validate/device/device.hpp"
#include "validate/host/memory.hpp"

namespace hsap::device {

/// A device in host memory, for tests. Nothing runs before it must; then the streams take turns in
/// random order, each as far as the events it waits for allow. Fresh memory holds huge numbers, so
/// that who reads them is found out; attention takes nothing else than a GPU does (kernels.hpp):
/// aligned operands inside the memory that was taken, and no NaN, even beside the slices.
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
  /// Errors: streams that wait for each other, operands of attention that a GPU does not take.
  [[nodiscard]] Status synchronize() override;
  /// Counts the work done between the two.
  [[nodiscard]] Result<double> seconds_between(EventId begin, EventId end) override;
  [[nodiscard]] Result<Launch> prepare(const Attend& call) override;
  [[nodiscard]] Result<Launch> prepare(const AttendBackward& call) override;
  [[nodiscard]] Result<Launch> prepare(const Delta& call) override;
  [[nodiscard]] Result<Launch> prepare(const Merge& call) override;
  [[nodiscard]] Result<Launch> prepare(const Move& call) override;

  /// Puts work on a stream that is tried until it says that it is done. Meanwhile nothing that
  /// comes later on the stream runs.
  void put(StreamId stream, std::function<bool()> attempt);
  /// Ends a wait for work that others must help with: asked now and then; an error ends
  /// synchronize.
  void set_poll(std::function<Status()> poll) { poll_ = std::move(poll); }

 private:
  struct Event {
    int asked = 0;     ///< records put on streams
    int happened = 0;  ///< records that have run
    int work_before = 0;
  };
  struct Task {
    std::function<bool()> attempt;
    EventId waits_for = -1;  ///< nothing to do, but not before `happened` is
    int happened = 0;
  };

  struct Piece {
    std::unique_ptr<std::byte[]> owner;
    std::byte* data = nullptr;
    std::int64_t bytes = 0;
  };

  /// Attention over operands whose rows a GPU kernel may all read, as a launch.
  [[nodiscard]] Launch attention(std::vector<Array> operands, std::function<void()> attend);
  [[nodiscard]] Status check_operand(const Array& array) const;
  [[nodiscard]] bool can_go_on(const std::deque<Task>& stream) const;
  /// The rows of an array as the host kernels see them: a token is a row.
  [[nodiscard]] host::View view(const Array& array, int first_head);

  std::mt19937_64 random_;
  std::vector<Piece> memory_;
  std::vector<std::deque<Task>> streams_;
  std::vector<Event> events_;
  std::map<std::int64_t, std::unique_ptr<host::Rows>> rows_;
  std::function<Status()> poll_;
  Status wrong_;
  int work_ = 0;
  std::int64_t allocated_bytes_ = 0;
};

}  // namespace hsap::device
