#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "hsap/execute.hpp"
#include "hsap/mask.hpp"
#include "hsap/schedule.hpp"
#include "hsap/status.hpp"

/// What executors ask of a GPU. Two implementations: CUDA with the kernels of this project, and a
/// fake on the host whose streams run in random order, so that a missing event shows without a GPU.
namespace hsap::device {

/// A queue of work, by number. Work of one stream runs in order.
using StreamId = int;
/// A point in a stream that others can wait for, by number.
using EventId = int;

/// Rows x heads x width numbers in device memory, each row's heads next to each other.
struct Array {
  std::byte* data = nullptr;
  Dtype dtype = Dtype::bf16;
  std::int64_t rows = 0;
  int heads = 0;
  int width = 0;                ///< head_dim, or 1 for lse and delta
  std::int64_t row_stride = 0;  ///< numbers from row to row

  [[nodiscard]] std::int64_t number_bytes() const { return bytes_of(dtype); }
  /// Bytes of one row of these heads.
  [[nodiscard]] std::int64_t row_bytes() const { return number_bytes() * heads * width; }
};

/// Which query heads of the model the arrays of a call hold.
struct HeadPlace {
  HeadRange query;
  Heads model;
};

/// Slices count rows of the arrays. o and lse get every row: 0 and -inf where no slice reaches;
/// merged into what they hold when `accumulate`.
struct Attend {
  Array q, k, v, o, lse;
  std::vector<Slice> slices;
  HeadPlace heads;
  bool accumulate = false;
};

/// From the complete lse and delta. Gets every row of dq, dk, dv; added to what dq holds when
/// `accumulate_query`, to what dk and dv hold when `accumulate_key`.
struct AttendBackward {
  Array q, k, v, dout, lse, delta, dq, dk, dv;
  std::vector<Slice> slices;
  HeadPlace heads;
  bool accumulate_query = false;
  bool accumulate_key = false;
};

/// delta = rowsum(o * do).
struct Delta {
  Array o, dout, delta;
};

/// `count` rows from `from` of one array, and as many from `to` of another.
struct RowPair {
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::int64_t count = 0;
};

/// (part_o, part_lse) into (o, lse) by log-sum-exp; lse has the rows of o.
struct Merge {
  Array part_o, part_lse, o, lse;
  std::vector<RowPair> rows;
};

/// Copies rows from one array to another, casting, or adds them there.
struct Move {
  Array from, to;
  std::vector<RowPair> rows;
  bool add = false;
};

/// Work made ready once: lists uploaded, scratch taken. Calling it puts the work on a stream, or
/// into the graph that is captured there.
using Launch = std::function<Status(StreamId)>;

/// Errors name the call that failed (infeasible). Everything may be called from one thread only.
class Device {
 public:
  virtual ~Device() = default;

  /// Takes memory until the device ends. Aligned to 256 bytes; holds some finite numbers.
  [[nodiscard]] virtual Result<std::byte*> allocate(std::int64_t bytes) = 0;
  /// The same for what messages come from and go to.
  [[nodiscard]] virtual Result<std::byte*> allocate_for_messages(std::int64_t bytes) {
    return allocate(bytes);
  }
  /// All that has been taken, by executors and by the device's own lists and scratch.
  [[nodiscard]] virtual std::int64_t allocated_bytes() const = 0;
  /// Memory in use, whoever took it: also the context, code, and other programs.
  [[nodiscard]] virtual Result<std::int64_t> used_bytes() const = 0;
  /// What it is, and the versions of what drives it.
  [[nodiscard]] virtual Result<Setup> setup() const = 0;
  /// Waits for all streams, then copies.
  [[nodiscard]] virtual Status write(std::byte* to, std::span<const std::byte> from) = 0;
  [[nodiscard]] virtual Status read(std::span<std::byte> to, const std::byte* from) = 0;

  /// For work that a schedule puts on such a stream.
  [[nodiscard]] virtual StreamId make_stream(Stream role) = 0;
  [[nodiscard]] virtual EventId make_event() = 0;
  [[nodiscard]] virtual Status record(EventId event, StreamId stream) = 0;
  /// What comes next on the stream waits for the latest record of the event.
  [[nodiscard]] virtual Status wait(StreamId stream, EventId event) = 0;
  [[nodiscard]] virtual Status synchronize() = 0;
  /// record() for its time alone: nothing may wait for the event. What record() puts into a graph
  /// is the other way round: it can be waited for there, and has no time.
  [[nodiscard]] virtual Status record_time(EventId event, StreamId stream) = 0;
  /// Between two events that have happened.
  [[nodiscard]] virtual Result<double> seconds_between(EventId begin, EventId end) = 0;

  /// What is put on this stream from now on is not done, but becomes part of a graph; so does what
  /// is put on a stream that has waited for an event of the graph. These streams wait for no event
  /// from outside, and meanwhile nothing is prepared, allocated, copied to or from the host or
  /// waited for. One capture at a time.
  [[nodiscard]] virtual Status begin_capture(StreamId stream) = 0;
  /// The graph, whose runs do all of it once, one run after the other. The stream, that of the
  /// begin, must have waited for the last work of all others. Must be called also when a call in
  /// between failed. A graph ends with its last copy, and must do so before its communicators do.
  [[nodiscard]] virtual Result<Launch> end_capture(StreamId stream) = 0;

  [[nodiscard]] virtual Result<Launch> prepare(const Attend& call) = 0;
  [[nodiscard]] virtual Result<Launch> prepare(const AttendBackward& call) = 0;
  [[nodiscard]] virtual Result<Launch> prepare(const Delta& call) = 0;
  [[nodiscard]] virtual Result<Launch> prepare(const Merge& call) = 0;
  [[nodiscard]] virtual Result<Launch> prepare(const Move& call) = 0;
};

}  // namespace hsap::device
