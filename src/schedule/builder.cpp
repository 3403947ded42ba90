#include "schedule/builder.hpp"

#include <cassert>

namespace hsap {
namespace {

template <typename T>
Index size_of(const std::vector<T>& array) {
  return static_cast<Index>(array.size());
}

template <typename T>
Range append(std::vector<T>& array, std::span<const T> items) {
  const Range range{size_of(array), static_cast<Index>(items.size())};
  array.insert(array.end(), items.begin(), items.end());
  return range;
}

template <typename T>
Range append_one(std::vector<T>& array, const T& item) {
  return append(array, std::span<const T>(&item, 1));
}

}  // namespace

ScheduleBuilder::ScheduleBuilder(Pass pass, Token tokens, const Heads& heads) {
  schedule_.pass = pass;
  schedule_.tokens = tokens;
  schedule_.heads = heads;
}

void ScheduleBuilder::expect_ranks(Rank ranks) {
  if (rank_ < 0) return;
  const auto grow = [&](auto& array) {
    const auto complete = static_cast<std::size_t>(rank_) + 1;
    array.reserve(array.size() / complete * static_cast<std::size_t>(ranks));
  };
  grow(schedule_.operations);
  grow(schedule_.buffers);
  grow(schedule_.transfers);
  grow(schedule_.operands);
  grow(schedule_.dependencies);
}

Range ScheduleBuilder::intervals(std::span<const Interval> list) {
  return append(schedule_.intervals, list);
}

Range ScheduleBuilder::slices(std::span<const Slice> list) {
  return append(schedule_.slices, list);
}

Rank ScheduleBuilder::begin_rank(const Range& home) {
  schedule_.programs.push_back({next(), 0});
  schedule_.home.push_back(home);
  return ++rank_;
}

Index ScheduleBuilder::buffer(Role role, Usage usage, Dtype dtype, HeadRange heads,
                              const Range& rows) {
  schedule_.buffers.push_back({rank_, role, usage, dtype, heads, rows});
  return size_of(schedule_.buffers) - 1;
}

Index ScheduleBuilder::add(Kind kind, Stream stream, HeadRange heads, const Range& payload,
                           std::span<const Index> operands) {
  assert(rank_ >= 0);
  Operation op;
  op.rank = rank_;
  op.kind = kind;
  op.stream = stream;
  op.heads = heads;
  op.payload = payload;
  op.operands = append(schedule_.operands, operands);
  op.dependencies = {size_of(schedule_.dependencies), 0};
  schedule_.operations.push_back(op);
  ++schedule_.programs.back().count;
  return size_of(schedule_.operations) - 1;
}

Index ScheduleBuilder::kernel(Kind kind, HeadRange heads, const Range& payload,
                              std::initializer_list<Index> operands) {
  return add(kind, Stream::compute, heads, payload, {operands.begin(), operands.size()});
}

Index ScheduleBuilder::attend(const Attend& operands, HeadRange heads, const Range& slices,
                              bool accumulate) {
  const auto& [q, k, v, o, lse] = operands;
  const Index op = kernel(Kind::attend, heads, slices, {q, k, v, o, lse});
  schedule_.operations[op].accumulate_query = accumulate;
  return op;
}

Index ScheduleBuilder::attend_backward(const AttendBackward& operands, HeadRange heads,
                                       const Range& slices, Accumulate accumulate) {
  const auto& [q, k, v, dout, lse, delta, dq, dk, dv] = operands;
  const Index op =
      kernel(Kind::attend_backward, heads, slices, {q, k, v, dout, lse, delta, dq, dk, dv});
  schedule_.operations[op].accumulate_query = accumulate.query;
  schedule_.operations[op].accumulate_key = accumulate.key;
  return op;
}

Index ScheduleBuilder::delta(Index o, Index dout, Index delta, HeadRange heads) {
  return kernel(Kind::delta, heads, {}, {o, dout, delta});
}

Index ScheduleBuilder::merge(Index partial_o, Index partial_lse, Index o, Index lse,
                             HeadRange heads) {
  return kernel(Kind::merge, heads, {}, {partial_o, partial_lse, o, lse});
}

Index ScheduleBuilder::reduce(Index source, Index destination, HeadRange heads) {
  return kernel(Kind::reduce, heads, {}, {source, destination});
}

Index ScheduleBuilder::copy(Index source, Index destination, HeadRange heads, const Range& rows) {
  return kernel(Kind::copy, heads, rows, {source, destination});
}

Index ScheduleBuilder::compute(const Work& work) {
  return kernel(Kind::compute, {}, append_one(schedule_.work, work), {});
}

Index ScheduleBuilder::exchange(Stream stream) {
  return add(Kind::exchange, stream, {}, {size_of(schedule_.transfers), 0}, {});
}

void ScheduleBuilder::transfer(const Transfer& transfer) {
  assert(schedule_.operations.back().kind == Kind::exchange);
  schedule_.transfers.push_back(transfer);
  ++schedule_.operations.back().payload.count;
}

void ScheduleBuilder::send(Rank peer, Index buffer, const Range& rows, HeadRange heads) {
  transfer({peer, buffer, rows, heads, Direction::send, false});
}

void ScheduleBuilder::receive(Rank peer, Index buffer, const Range& rows, HeadRange heads,
                              bool add) {
  transfer({peer, buffer, rows, heads, Direction::receive, add});
}

Index ScheduleBuilder::collective(Kind kind, Stream stream, const Group& group, HeadRange heads,
                                  std::span<const Pair> buffers) {
  const Index op = add(kind, stream, heads, append_one(schedule_.groups, group), {});
  for (const auto& [source, destination] : buffers) {
    schedule_.operands.push_back(source);
    schedule_.operands.push_back(destination);
  }
  schedule_.operations[op].operands.count = static_cast<Index>(2 * buffers.size());
  return op;
}

Index ScheduleBuilder::all_gather(Stream stream, const Group& group, HeadRange heads,
                                  std::span<const Pair> buffers) {
  return collective(Kind::all_gather, stream, group, heads, buffers);
}

Index ScheduleBuilder::reduce_scatter(Stream stream, const Group& group, HeadRange heads,
                                      std::span<const Pair> buffers) {
  return collective(Kind::reduce_scatter, stream, group, heads, buffers);
}

void ScheduleBuilder::after(Index operation) {
  if (operation == none) return;
  schedule_.dependencies.push_back(operation);
  ++schedule_.operations.back().dependencies.count;
}

}  // namespace hsap
