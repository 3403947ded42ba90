#pragma once

#include "hsap/schedule.hpp"
#include "support/random_problem.hpp"

namespace hsap::support {

/// Overwrites one number of a schedule with another: small, huge, or next to the old one.
class Corrupter {
 public:
  explicit Corrupter(Random& random) : random_(random) {}

  void corrupt(Schedule& schedule) {
    switch (random_.between(0, 11)) {
      case 0:
        return numbers(schedule.intervals, [&](Interval& i) { any(i.begin, i.end, i.stride); });
      case 1:
        return numbers(schedule.buffers, [&](Buffer& b) {
          any(b.rank, b.role, b.usage, b.dtype, b.heads.begin, b.heads.end, b.intervals.first,
              b.intervals.count);
        });
      case 2:
      case 3:
        return numbers(schedule.operations, [&](Operation& op) {
          any(op.rank, op.kind, op.stream, op.heads.begin, op.heads.end, op.payload.first,
              op.payload.count, op.operands.first, op.operands.count, op.dependencies.first,
              op.dependencies.count);
        });
      case 4:
        return numbers(schedule.transfers, [&](Transfer& t) {
          any(t.peer, t.buffer, t.intervals.first, t.intervals.count, t.heads.begin, t.heads.end,
              t.direction);
        });
      case 5:
        return numbers(schedule.slices, [&](Slice& s) {
          any(s.query.begin, s.query.end, s.query.stride, s.key.begin, s.key.end, s.key.stride,
              s.kind);
        });
      case 6:
        return numbers(schedule.dependencies, [&](Index& i) { any(i); });
      case 7:
        return numbers(schedule.operands, [&](Index& i) { any(i); });
      case 8:
        return numbers(schedule.programs, [&](Range& r) { any(r.first, r.count); });
      case 9:
        return numbers(schedule.home, [&](Range& r) { any(r.first, r.count); });
      case 10:
        return numbers(schedule.groups, [&](Group& g) { any(g.first, g.count, g.stride); });
      default:
        return any(schedule.pass, schedule.tokens, schedule.heads.query, schedule.heads.key_value,
                   schedule.heads.dim);
    }
  }

 private:
  template <typename T, typename Change>
  void numbers(std::vector<T>& array, Change change) {
    if (!array.empty()) {
      change(
          array[static_cast<std::size_t>(random_.between(0, static_cast<int>(array.size()) - 1))]);
    }
  }

  template <typename... Fields>
  void any(Fields&... fields) {
    int chosen = random_.between(0, static_cast<int>(sizeof...(fields)) - 1);
    ((chosen-- == 0 ? change(fields) : void()), ...);
  }

  template <typename Field>
  void change(Field& field) {
    const auto old = static_cast<std::int64_t>(field);
    switch (random_.between(0, 4)) {
      case 0:
        field = static_cast<Field>(old + 1);
        return;
      case 1:
        field = static_cast<Field>(old - 1);
        return;
      case 2:
        field = static_cast<Field>(random_.between(0, 20));
        return;
      case 3:
        field = static_cast<Field>(0x7fffffff - random_.between(0, 2));
        return;
      default:
        field = static_cast<Field>(-1 - random_.between(0, 2));
    }
  }

  Random& random_;
};

}  // namespace hsap::support
