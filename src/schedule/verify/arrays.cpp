#include <fmt/format.h>

#include <cmath>

#include "schedule/verify/stages.hpp"

namespace hsap::verifier {
namespace {

constexpr int most_heads = 1 << 15;  // so that products of two head numbers fit an int
constexpr int most_dim = 1 << 16;

template <typename Enum>
bool known(Enum value, Enum last) {
  return static_cast<unsigned>(value) <= static_cast<unsigned>(last);
}

template <typename T>
bool inside(const Range& range, const std::vector<T>& array) {
  return std::uint64_t{range.first} + range.count <= array.size();
}

Finding malformed(std::string message, std::optional<Index> operation = std::nullopt) {
  return flawed(Flaw::malformed, std::move(message), operation);
}

Found check_problem(const Schedule& schedule, const Problem& problem) {
  const Heads& heads = schedule.heads;
  if (!known(schedule.pass, Pass::backward)) return malformed("unknown pass");
  if (schedule.tokens < 1 || schedule.tokens > max_tokens) {
    return malformed(fmt::format("{} tokens; expected 1 to 2^30", schedule.tokens));
  }
  std::int64_t tokens = 0;
  for (const Token length : problem.batch.lengths) {
    if (length < 1) return malformed("the batch has a document without tokens");
    tokens += length;
  }
  if (tokens != schedule.tokens) {
    return malformed(
        fmt::format("a schedule for {} tokens and a batch of {}", schedule.tokens, tokens));
  }
  if (!(heads == problem.heads)) {
    return malformed(fmt::format("a schedule for {}:{}x{} heads and a problem of {}:{}x{}",
                                 heads.query, heads.key_value, heads.dim, problem.heads.query,
                                 problem.heads.key_value, problem.heads.dim));
  }
  const bool possible = heads.key_value >= 1 && heads.key_value <= heads.query &&
                        heads.query <= most_heads && heads.dim >= 1 && heads.dim <= most_dim;
  if (!possible) return malformed("impossible numbers of heads");
  return {};
}

/// Checks one interval and that its stride is the common one, which the first long one sets.
std::string flaw_of(const Interval& interval, Token tokens, Token& stride) {
  if (interval.begin < 0 || interval.end > tokens || interval.begin >= interval.end ||
      interval.stride < 1) {
    return "is empty or leaves the batch";
  }
  const Token last = interval.end - 1 - interval.begin;  // distance of the last token
  if (last % interval.stride != 0 || (last == 0 && interval.stride != 1)) {
    return "is not in canonical form";
  }
  if (last == 0) return {};
  if (stride == 0) stride = interval.stride;
  if (stride != interval.stride) return "has another stride than those before it";
  return {};
}

Found check_intervals(const Schedule& schedule, Token& stride) {
  stride = 0;
  for (std::size_t i = 0; i < schedule.intervals.size(); ++i) {
    const std::string flaw = flaw_of(schedule.intervals[i], schedule.tokens, stride);
    if (!flaw.empty()) return malformed(fmt::format("interval {} {}", i, flaw));
  }
  for (std::size_t i = 0; i < schedule.slices.size(); ++i) {
    const Slice& slice = schedule.slices[i];
    if (!known(slice.kind, SliceKind::bi_causal)) {
      return malformed(fmt::format("slice {} is of no known kind", i));
    }
    for (const Interval* side : {&slice.query, &slice.key}) {
      const std::string flaw = flaw_of(*side, schedule.tokens, stride);
      if (!flaw.empty()) return malformed(fmt::format("an interval of slice {} {}", i, flaw));
    }
  }
  stride = std::max(stride, 1);
  return {};
}

/// What a pass takes as given; everything else it has to compute.
bool may_be_input(Role role, Pass pass) {
  if (role == Role::q || role == Role::k || role == Role::v) return true;
  return pass == Pass::backward && (role == Role::o || role == Role::lse || role == Role::dout);
}

/// Inputs and results have the dtype of the problem; lse and delta one of their own.
bool has_right_dtype(const Buffer& buffer, Dtype dtype) {
  const bool statistic = buffer.role == Role::lse || buffer.role == Role::delta;
  return buffer.usage == Usage::staging || statistic || buffer.dtype == dtype;
}

Found check_buffer(const Schedule& schedule, const Problem& problem, std::size_t at) {
  const Buffer& buffer = schedule.buffers[at];
  const auto flaw = [&](std::string_view what) {
    return malformed(fmt::format("buffer {} {}", at, what));
  };
  if (!known(buffer.role, Role::delta) || !known(buffer.usage, Usage::staging) ||
      !known(buffer.dtype, Dtype::fp32)) {
    return flaw("has an unknown role, usage or dtype");
  }
  if (buffer.usage == Usage::input && !may_be_input(buffer.role, schedule.pass)) {
    return flaw("is an input that the pass has to compute");
  }
  if (!has_right_dtype(buffer, problem.dtype)) {
    return flaw(fmt::format("is in {} and the problem in {}", to_string(buffer.dtype),
                            to_string(problem.dtype)));
  }
  if (buffer.rank < 0 || buffer.rank >= schedule.ranks()) return flaw("is on no rank");
  if (!inside(buffer.intervals, schedule.intervals)) return flaw("has rows out of range");
  const int heads = head_count(schedule.heads, buffer.role);
  if (buffer.heads.begin >= buffer.heads.end || buffer.heads.end > heads) {
    return flaw("has heads out of range");
  }
  return {};
}

/// Programs tile the operations in rank order.
Found check_programs(const Schedule& schedule) {
  if (schedule.operations.size() >= none / 4 || schedule.transfers.size() >= none / 4 ||
      schedule.buffers.size() >= none / 4) {
    return malformed("more operations, transfers or buffers than indices can name");
  }
  if (schedule.programs.empty()) return malformed("a schedule without ranks");
  if (schedule.home.size() != schedule.programs.size()) {
    return malformed("not every rank has a list of the tokens it owns");
  }
  std::uint64_t next = 0;
  for (std::size_t rank = 0; rank < schedule.programs.size(); ++rank) {
    const Range& program = schedule.programs[rank];
    if (program.first != next && program.count > 0) {
      return malformed(fmt::format("the program of rank {} does not follow the one before", rank));
    }
    next += program.count;
    if (next > schedule.operations.size()) {
      return malformed(fmt::format("the program of rank {} is out of range", rank));
    }
    if (!inside(schedule.home[rank], schedule.intervals)) {
      return malformed(fmt::format("the tokens of rank {} are out of range", rank));
    }
  }
  if (next != schedule.operations.size()) return malformed("operations that belong to no program");
  return {};
}

bool payload_inside(const Schedule& schedule, const Operation& op) {
  switch (op.kind) {
    case Kind::attend:
    case Kind::attend_backward:
      return inside(op.payload, schedule.slices);
    case Kind::copy:
      return inside(op.payload, schedule.intervals);
    case Kind::exchange:
      return inside(op.payload, schedule.transfers);
    case Kind::all_gather:
    case Kind::reduce_scatter:
      return op.payload.count == 1 && inside(op.payload, schedule.groups);
    case Kind::compute:
      return op.payload.count == 1 && inside(op.payload, schedule.work);
    case Kind::delta:
    case Kind::merge:
    case Kind::reduce:
      return op.payload.count == 0;
  }
  return false;
}

Found check_operation(const Schedule& schedule, Rank rank, Index at) {
  const Operation& op = schedule.operations[at];
  const Range& program = schedule.programs[static_cast<std::size_t>(rank)];
  if (op.rank != rank) return malformed("an operation in the program of another rank", at);
  if (!known(op.kind, Kind::compute)) return malformed("an operation of no known kind", at);
  if (!known(op.stream, Stream::network)) return malformed("a stream that no rank has", at);
  if (!payload_inside(schedule, op)) return malformed("a payload out of range", at);
  if (!inside(op.operands, schedule.operands)) return malformed("operands out of range", at);
  if (!inside(op.dependencies, schedule.dependencies)) {
    return malformed("dependencies out of range", at);
  }
  for (const Index dependency : schedule.dependencies_of(op)) {
    if (dependency < program.first || dependency >= at) {
      return malformed(fmt::format("waits for #{}, which is not an earlier operation of rank {}",
                                   dependency, rank),
                       at);
    }
  }
  return {};
}

Found check_work(const Schedule& schedule) {
  for (std::size_t i = 0; i < schedule.work.size(); ++i) {
    const Work& work = schedule.work[i];
    const bool sound =
        std::isfinite(work.flop) && std::isfinite(work.bytes) && work.flop >= 0 && work.bytes >= 0;
    if (!sound) return malformed(fmt::format("work {} is negative or not finite", i));
  }
  return {};
}

}  // namespace

Found check_arrays(const Schedule& schedule, const Problem& problem, Token& stride) {
  if (Found found = check_problem(schedule, problem)) return found;
  if (Found found = check_intervals(schedule, stride)) return found;
  if (Found found = check_programs(schedule)) return found;
  if (Found found = check_work(schedule)) return found;
  for (std::size_t i = 0; i < schedule.buffers.size(); ++i) {
    if (Found found = check_buffer(schedule, problem, i)) return found;
  }
  for (Rank rank = 0; rank < schedule.ranks(); ++rank) {
    const Range& program = schedule.programs[static_cast<std::size_t>(rank)];
    for (Index at = 0; at < program.count; ++at) {
      if (Found found = check_operation(schedule, rank, program.first + at)) return found;
    }
  }
  return {};
}

}  // namespace hsap::verifier
