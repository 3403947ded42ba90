#pragma once

#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hsap/interval.hpp"
#include "hsap/mask.hpp"
#include "hsap/model.hpp"
#include "hsap/strategy.hpp"

/// The intermediate representation: what every rank does, as flat arrays of plain data.
///
/// Reading order: Schedule at the bottom, then Operation, then what its ranges point at.
/// Tokens are always global positions in the packed sequence, so a buffer row is named by
/// (token, head) wherever it travels, and content can be checked by name.
///
/// Intervals are canonical, never empty, and all intervals of two or more tokens of one schedule
/// have the same stride. The intervals of one buffer are disjoint.
namespace hsap {

using Rank = std::int32_t;
using Index = std::uint32_t;

/// count items from `first` of one of the schedule's arrays.
struct Range {
  Index first = 0;
  Index count = 0;

  friend bool operator==(const Range&, const Range&) = default;
};

/// Heads [begin, end).
struct HeadRange {
  std::uint16_t begin = 0;
  std::uint16_t end = 0;

  [[nodiscard]] constexpr int size() const { return end - begin; }
  friend constexpr bool operator==(const HeadRange&, const HeadRange&) = default;
};

/// What the rows of a buffer are. q, o, lse, dout, dq and delta are counted in query heads;
/// k, v, dk and dv in key/value heads. lse and delta hold one number per (token, head), the
/// others head_dim of them. `dout` is written "do" in text.
enum class Role : std::uint8_t { q, k, v, o, lse, dq, dk, dv, dout, delta };

/// Why a buffer exists, which decides what must hold at the start and at the end.
enum class Usage : std::uint8_t {
  input,    ///< complete before the first operation. Forward q, k, v and backward do hold tokens
            ///< that this rank owns (Schedule::home); backward q, k, v, o and lse are rows that the
            ///< forward schedule has on this rank in an input, output or saved buffer of the same
            ///< role and dtype. Nothing else is an input
  output,   ///< complete at the end, on the rank that owns the tokens (Schedule::home)
  saved,    ///< complete at the end, kept on this rank for the backward pass
  staging,  ///< lives from its first write to its last use
};
inline constexpr int buffer_roles = 10;

/// Rows of one role on one rank: tokens in the order of `intervals`, for `heads`.
/// Bytes follow: tokens x heads x (head_dim or 1) x bytes of dtype.
struct Buffer {
  Rank rank = 0;
  Role role = Role::q;
  Usage usage = Usage::staging;
  Dtype dtype = Dtype::bf16;
  HeadRange heads;
  Range intervals;  ///< into Schedule::intervals

  friend bool operator==(const Buffer&, const Buffer&) = default;
};

enum class Kind : std::uint8_t {
  /// operands q k v o lse; payload slices. Writes o and lse of every row of the result buffers
  /// (o = 0, lse = -inf where no slice reaches); merges into them when `accumulate_query`.
  /// Reads of q, k and v the rows that the slices name.
  attend,
  /// operands q k v do lse delta dq dk dv; payload slices. lse and delta are the complete ones.
  /// Writes every row of dq, dk and dv (zero where no slice reaches); adds to dq when
  /// `accumulate_query`, to dk and dv when `accumulate_key`. Reads the rows that the slices name.
  attend_backward,
  /// operands o do delta: delta = rowsum(o * do), rows of delta.
  delta,
  /// operands o' lse' o lse: merges the partial o' into o by log-sum-exp, rows of o'.
  merge,
  /// operands source destination: adds, on the rows of source.
  reduce,
  /// operands source destination: copies (and casts) the payload intervals, or with an empty
  /// payload every row of the source. The destination holds them all.
  copy,
  /// payload transfers: sends and receives that start together; complete when all are. Each
  /// transfer belongs to one exchange. It waits until both sides have started, and only for that.
  exchange,
  /// payload one group; operands pairs of (source, destination), all of one dtype: destination is
  /// overwritten by the rows of every rank's source, all of which it holds. Waits for every rank of
  /// the group.
  all_gather,
  /// payload one group; operands pairs of (source, destination), all of one dtype: destination is
  /// overwritten by the sum of its rows over every rank's source, each of which holds them all.
  reduce_scatter,
  /// payload one cost: work outside attention that takes time and touches no buffer.
  compute,
};
inline constexpr int operation_kinds = 10;

/// Queues of a rank. Operations of one stream run one after another in array order; operations
/// of different streams are ordered by dependencies only. Each communication stream has its own
/// communicator: sends and receives between two ranks match in order within a stream, and
/// collectives of equal groups match in order within a stream.
enum class Stream : std::uint8_t {
  compute,    ///< kernels
  heads,      ///< Ulysses all-to-all
  keys,       ///< keys, values and queries of the context exchange
  gradients,  ///< partial results on their way home
  network,    ///< keys and values between nodes, of exchanges that tell nodes apart
};
inline constexpr int streams = 5;

/// One step of one rank.
struct Operation {
  Rank rank = 0;
  Kind kind = Kind::compute;
  Stream stream = Stream::compute;
  bool accumulate_query = false;  ///< attend, attend_backward
  bool accumulate_key = false;    ///< attend_backward
  HeadRange heads;     ///< query heads of attend, attend_backward, delta, merge; heads of the
                       ///< buffers of reduce, copy, all_gather, reduce_scatter
  Range payload;       ///< slices, transfers, intervals, groups or costs, by kind
  Range operands;      ///< into Schedule::operands: buffers, in the order the kind names
  Range dependencies;  ///< into Schedule::dependencies: operations of this rank to complete
                       ///< first, each earlier in array order

  friend bool operator==(const Operation&, const Operation&) = default;
};

enum class Direction : std::uint8_t { send, receive };

/// One message of an exchange as one side sees it. peer == own rank is a copy in memory.
struct Transfer {
  Rank peer = 0;
  Index buffer = 0;  ///< of this rank
  Range intervals;   ///< rows, in message order
  HeadRange heads;
  Direction direction = Direction::send;
  /// receive of dq, dk or dv: add to the rows instead of overwriting them. Several receives of one
  /// exchange may add to the same rows, one after another in the order of the transfers.
  bool add = false;

  friend bool operator==(const Transfer&, const Transfer&) = default;
};

/// Ranks of a collective: first, first + stride, ...
struct Group {
  Rank first = 0;
  Rank count = 1;
  Rank stride = 1;

  friend bool operator==(const Group&, const Group&) = default;
};

/// Work of a `compute` operation.
struct Work {
  double flop = 0;
  double bytes = 0;  ///< memory read plus written

  friend bool operator==(const Work&, const Work&) = default;
};

/// The compiled result: plain data, no pointers; equal inputs give equal bytes.
struct Schedule {
  // The problem it solves, as far as an interpreter needs it.
  Pass pass = Pass::forward;
  Token tokens = 0;
  Heads heads;

  std::vector<Interval> intervals;
  std::vector<Buffer> buffers;
  std::vector<Operation> operations;  ///< grouped by rank, in host issue order
  std::vector<Transfer> transfers;
  std::vector<Slice> slices;
  std::vector<Index> dependencies;  ///< indices into operations
  std::vector<Index> operands;      ///< indices into buffers
  std::vector<Group> groups;
  std::vector<Work> work;
  std::vector<Range> programs;  ///< per rank: its operations
  std::vector<Range> home;      ///< per rank: intervals of the tokens it owns outside attention

  [[nodiscard]] Rank ranks() const { return static_cast<Rank>(programs.size()); }

  [[nodiscard]] std::span<const Operation> program(Rank rank) const {
    return items(operations, programs[static_cast<std::size_t>(rank)]);
  }
  [[nodiscard]] std::span<const Interval> intervals_of(const Range& range) const {
    return items(intervals, range);
  }
  [[nodiscard]] std::span<const Interval> intervals_of(const Buffer& buffer) const {
    return items(intervals, buffer.intervals);
  }
  [[nodiscard]] std::span<const Interval> intervals_of(const Transfer& transfer) const {
    return items(intervals, transfer.intervals);
  }
  [[nodiscard]] std::span<const Slice> slices_of(const Operation& op) const {
    return items(slices, op.payload);
  }
  [[nodiscard]] std::span<const Transfer> transfers_of(const Operation& op) const {
    return items(transfers, op.payload);
  }
  [[nodiscard]] std::span<const Index> dependencies_of(const Operation& op) const {
    return items(dependencies, op.dependencies);
  }
  [[nodiscard]] std::span<const Index> operands_of(const Operation& op) const {
    return items(operands, op.operands);
  }
  [[nodiscard]] const Group& group_of(const Operation& op) const {
    return groups[op.payload.first];
  }
  [[nodiscard]] const Work& work_of(const Operation& op) const { return work[op.payload.first]; }

  /// Numbers in one row: head_dim, or 1 for lse and delta.
  [[nodiscard]] int width(Role role) const;
  /// Bytes of `rows` tokens of `head_count` heads of a buffer.
  [[nodiscard]] std::int64_t bytes(const Buffer& buffer, std::int64_t rows, int head_count) const;
  [[nodiscard]] std::int64_t bytes(const Buffer& buffer) const;
  [[nodiscard]] std::int64_t bytes(const Transfer& transfer) const;
  /// The key/value heads that query heads read.
  [[nodiscard]] HeadRange key_heads(HeadRange query_heads) const;
  /// Memory taken by the arrays.
  [[nodiscard]] std::int64_t footprint_bytes() const;

  friend bool operator==(const Schedule&, const Schedule&) = default;

 private:
  template <typename T>
  static std::span<const T> items(const std::vector<T>& array, const Range& range) {
    return {array.data() + range.first, range.count};
  }
};

[[nodiscard]] std::string_view to_string(Role role);
[[nodiscard]] std::string_view to_string(Usage usage);
[[nodiscard]] std::string_view to_string(Kind kind);
[[nodiscard]] std::string_view to_string(Stream stream);
[[nodiscard]] std::string_view to_string(SliceKind kind);

/// Prints a whole schedule or one rank the way a person would write it down.
void print(std::ostream& out, const Schedule& schedule);
void print(std::ostream& out, const Schedule& schedule, Rank rank);
/// One operation in the same words, without the end of the line.
[[nodiscard]] std::string line_of(const Schedule& schedule, const Operation& op);

}  // namespace hsap
