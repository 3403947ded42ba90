#pragma once

#include <initializer_list>
#include <limits>
#include <span>
#include <utility>

#include "hsap/schedule.hpp"

namespace hsap {

/// Writes a Schedule from front to back: ranks in order, and of each rank its buffers and
/// operations in host issue order. Everything is an append to a flat array, so ranges may be
/// shared: store intervals or slices once, then hand the Range to as many buffers, transfers and
/// operations as use them.
///
///     ScheduleBuilder build(Pass::forward, 8, {.query = 2, .key_value = 1, .dim = 16});
///     const Range rows = build.intervals({{0, 4, 1}});
///     build.begin_rank(rows);
///     const Index k = build.buffer(Role::k, Usage::input, Dtype::bf16, {0, 1}, rows);
///     build.exchange(Stream::keys);
///     build.send(1, k, rows, {0, 1});
///     build.after(earlier_operation);
///
/// The builder checks nothing: verify() does.
class ScheduleBuilder {
 public:
  /// "No operation": waiting for it is no dependency.
  static constexpr Index none = std::numeric_limits<Index>::max();

  struct Attend {
    Index q = 0, k = 0, v = 0;  ///< read
    Index o = 0, lse = 0;       ///< written
  };
  struct AttendBackward {
    Index q = 0, k = 0, v = 0, dout = 0, lse = 0, delta = 0;  ///< read
    Index dq = 0, dk = 0, dv = 0;                             ///< written
  };
  /// Which results of an attend_backward are added to what is there.
  struct Accumulate {
    bool query = false;  ///< dq
    bool key = false;    ///< dk and dv
  };
  /// Source and destination buffer of a collective.
  using Pair = std::pair<Index, Index>;

  ScheduleBuilder(Pass pass, Token tokens, const Heads& heads);

  /// Makes room for `ranks` programs about as long as those that stand so far.
  void expect_ranks(Rank ranks);

  Range intervals(std::span<const Interval> list);
  Range intervals(std::initializer_list<Interval> list) {
    return intervals(std::span(list.begin(), list.size()));
  }
  Range slices(std::span<const Slice> list);
  Range slices(std::initializer_list<Slice> list) {
    return slices(std::span(list.begin(), list.size()));
  }

  /// Opens the program of the next rank, which owns the tokens `home` outside attention.
  Rank begin_rank(const Range& home);

  /// The rest speaks of the rank that was opened last and returns the index of what it adds.
  Index buffer(Role role, Usage usage, Dtype dtype, HeadRange heads, const Range& rows);

  // Kernels, on Stream::compute.
  Index attend(const Attend& operands, HeadRange heads, const Range& slices,
               bool accumulate = false);
  Index attend_backward(const AttendBackward& operands, HeadRange heads, const Range& slices,
                        Accumulate accumulate);
  Index delta(Index o, Index dout, Index delta, HeadRange heads);
  Index merge(Index partial_o, Index partial_lse, Index o, Index lse, HeadRange heads);
  Index reduce(Index source, Index destination, HeadRange heads);
  /// Copies `rows`, or with none given every row of the source.
  Index copy(Index source, Index destination, HeadRange heads, const Range& rows = {});
  Index compute(const Work& work);

  /// An exchange, empty at first; send and receive add to it while it is the last operation.
  Index exchange(Stream stream);
  void send(Rank peer, Index buffer, const Range& rows, HeadRange heads);
  void receive(Rank peer, Index buffer, const Range& rows, HeadRange heads, bool add = false);

  Index all_gather(Stream stream, const Group& group, HeadRange heads,
                   std::span<const Pair> buffers);
  Index reduce_scatter(Stream stream, const Group& group, HeadRange heads,
                       std::span<const Pair> buffers);

  /// The last operation waits for `operation` of the same rank; `none` adds nothing.
  void after(Index operation);

  /// The number of operations so far, which is the index of the next one.
  [[nodiscard]] Index next() const { return static_cast<Index>(schedule_.operations.size()); }
  /// What stands so far.
  [[nodiscard]] const Schedule& schedule() const { return schedule_; }
  /// Hands the schedule over; the builder is used up.
  [[nodiscard]] Schedule finish() { return std::move(schedule_); }

 private:
  Index add(Kind kind, Stream stream, HeadRange heads, const Range& payload,
            std::span<const Index> operands);
  Index kernel(Kind kind, HeadRange heads, const Range& payload,
               std::initializer_list<Index> operands);
  Index collective(Kind kind, Stream stream, const Group& group, HeadRange heads,
                   std::span<const Pair> buffers);
  void transfer(const Transfer& transfer);

  Schedule schedule_;
  Rank rank_ = -1;
};

}  // namespace hsap
