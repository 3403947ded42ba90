#pragma once

#include <algorithm>
#include <span>

#include "hsap/schedule.hpp"

/// What takes equally long. Times follow from lengths, never from where tokens lie.
namespace hsap {

[[nodiscard]] inline bool alike(const Interval& a, const Interval& b) {
  return a.end - a.begin == b.end - b.begin && a.stride == b.stride;
}

[[nodiscard]] inline bool alike(const Slice& a, const Slice& b) {
  return a.kind == b.kind && alike(a.query, b.query) && alike(a.key, b.key);
}

template <typename T>
[[nodiscard]] bool alike(std::span<const T> a, std::span<const T> b) {
  return std::ranges::equal(a, b, [](const T& x, const T& y) { return alike(x, y); });
}

[[nodiscard]] inline bool alike(const Schedule& schedule, const Buffer& a, const Buffer& b) {
  return a.role == b.role && a.dtype == b.dtype && a.heads == b.heads &&
         alike(schedule.intervals_of(a), schedule.intervals_of(b));
}

/// Of kernels: the same on as many tokens, but for the buffers.
[[nodiscard]] inline bool alike_but_buffers(const Schedule& schedule, const Operation& a,
                                            const Operation& b) {
  if (a.kind != b.kind || !(a.heads == b.heads) || a.accumulate_query != b.accumulate_query ||
      a.accumulate_key != b.accumulate_key) {
    return false;
  }
  switch (a.kind) {
    case Kind::attend:
    case Kind::attend_backward:
      return alike(schedule.slices_of(a), schedule.slices_of(b));
    case Kind::compute:
      return schedule.work_of(a) == schedule.work_of(b);
    default:
      return alike(schedule.intervals_of(a.payload), schedule.intervals_of(b.payload));
  }
}

}  // namespace hsap
