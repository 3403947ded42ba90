#include "validate/gpu/rows.hpp"

#include <utility>

namespace hsap::executor {

std::vector<device::RowPair> pair_rows(const host::Rows& from, const host::Rows& to,
                                       std::span<const Token> tokens) {
  std::vector<device::RowPair> pairs;
  for (const Token token : tokens) {
    const auto a = static_cast<std::int64_t>(from[token]);
    const auto b = static_cast<std::int64_t>(to[token]);
    const bool goes_on = !pairs.empty() && pairs.back().from + pairs.back().count == a &&
                         pairs.back().to + pairs.back().count == b;
    if (goes_on) {
      ++pairs.back().count;
    } else {
      pairs.push_back({a, b, 1});
    }
  }
  return pairs;
}

std::vector<device::RowPair> message_rows(const host::Rows& rows, std::span<const Token> tokens) {
  std::vector<device::RowPair> pairs;
  std::int64_t next = 0;
  for (const Token token : tokens) {
    const auto row = static_cast<std::int64_t>(rows[token]);
    if (!pairs.empty() && pairs.back().from + pairs.back().count == row) {
      ++pairs.back().count;
    } else {
      pairs.push_back({row, next, 1});
    }
    ++next;
  }
  return pairs;
}

std::vector<device::RowPair> turned(std::vector<device::RowPair> pairs) {
  for (device::RowPair& pair : pairs) std::swap(pair.from, pair.to);
  return pairs;
}

namespace {

Result<Interval> in_rows(const Interval& tokens, const host::Rows& rows) {
  const auto first = static_cast<Token>(rows[tokens.begin]);
  for (Token i = 0; i < tokens.size(); ++i) {
    if (static_cast<Token>(rows[tokens.at(i)]) == first + i) continue;
    return infeasible("rows of a slice are not next to each other in its buffer");
  }
  return make_interval(first, first + tokens.size());
}

}  // namespace

Result<std::vector<Slice>> slices_in_rows(std::span<const Slice> slices, const host::Rows& query,
                                          const host::Rows& key) {
  std::vector<Slice> rows;
  rows.reserve(slices.size());
  for (const Slice& slice : slices) {
    HSAP_TRY(const Interval on_query, in_rows(slice.query, query));
    HSAP_TRY(const Interval on_key, in_rows(slice.key, key));
    rows.push_back({on_query, on_key, slice.kind});
  }
  return rows;
}

Result<std::int64_t> shift_between(std::span<const Interval> sides, const host::Rows& rows,
                                   const host::Rows& other) {
  const auto shift = [&](Token token) {
    return static_cast<std::int64_t>(other[token]) - static_cast<std::int64_t>(rows[token]);
  };
  if (sides.empty()) return std::int64_t{0};
  const std::int64_t first = shift(sides.front().begin);
  for (const Interval& side : sides) {
    for (Token i = 0; i < side.size(); ++i) {
      if (shift(side.at(i)) == first) continue;
      return infeasible("operands of a kernel hold the same tokens in different order");
    }
  }
  return first;
}

}  // namespace hsap::executor
