#include "export/plan/schedule.hpp"

namespace hsap {
namespace {

using json::Ordered;

Ordered row(const Interval& item) { return {item.begin, item.end, item.stride}; }

Ordered row(const Buffer& item) {
  return {item.rank,        to_string(item.role), to_string(item.usage), to_string(item.dtype),
          item.heads.begin, item.heads.end,       item.intervals.first,  item.intervals.count};
}

Ordered row(const Operation& item) {
  return {item.rank,
          to_string(item.kind),
          to_string(item.stream),
          item.accumulate_query,
          item.accumulate_key,
          item.heads.begin,
          item.heads.end,
          item.payload.first,
          item.payload.count,
          item.operands.first,
          item.operands.count,
          item.dependencies.first,
          item.dependencies.count};
}

Ordered row(const Transfer& item) {
  return {item.direction == Direction::send ? "send" : "receive",
          item.peer,
          item.buffer,
          item.heads.begin,
          item.heads.end,
          item.intervals.first,
          item.intervals.count,
          item.add};
}

Ordered row(const Slice& item) {
  return {item.query.begin, item.query.end,  item.query.stride,   item.key.begin,
          item.key.end,     item.key.stride, to_string(item.kind)};
}

Ordered row(const Group& item) { return {item.first, item.count, item.stride}; }
Ordered row(const Work& item) { return {item.flop, item.bytes}; }
Ordered row(const Range& item) { return {item.first, item.count}; }

template <typename T>
Ordered rows(const std::vector<T>& items) {
  Ordered out = Ordered::array();
  for (const T& item : items) out.push_back(row(item));
  return out;
}

}  // namespace

json::Ordered to_json(const Schedule& schedule) {
  Ordered out;
  out["pass"] = to_string(schedule.pass);
  out["tokens"] = schedule.tokens;
  out["heads"] = schedule.heads.query;
  out["kv_heads"] = schedule.heads.key_value;
  out["head_dim"] = schedule.heads.dim;
  out["intervals"] = rows(schedule.intervals);
  out["buffers"] = rows(schedule.buffers);
  out["operations"] = rows(schedule.operations);
  out["transfers"] = rows(schedule.transfers);
  out["slices"] = rows(schedule.slices);
  out["dependencies"] = schedule.dependencies;
  out["operands"] = schedule.operands;
  out["groups"] = rows(schedule.groups);
  out["work"] = rows(schedule.work);
  out["programs"] = rows(schedule.programs);
  out["home"] = rows(schedule.home);
  return out;
}

}  // namespace hsap
