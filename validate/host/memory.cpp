#include "validate/host/memory.hpp"

#include <algorithm>
#include <limits>

namespace hsap::host {

Rows::Rows(std::span<const Interval> list) {
  if (list.empty()) return;
  Token last = 0;
  first_ = list.front().begin;
  for (const Interval& interval : list) {
    first_ = std::min(first_, interval.begin);
    last = std::max(last, interval.end);
  }
  rows_.assign(static_cast<std::size_t>(last - first_), -1);
  for (const Interval& interval : list) {
    for (Token i = 0; i < interval.size(); ++i) {
      const Token token = interval.at(i);
      rows_[static_cast<std::size_t>(token - first_)] = static_cast<std::int32_t>(tokens_.size());
      tokens_.push_back(token);
    }
  }
}

std::vector<Token> tokens_of(std::span<const Interval> list) {
  std::vector<Token> tokens;
  for (const Interval& interval : list) {
    for (Token i = 0; i < interval.size(); ++i) tokens.push_back(interval.at(i));
  }
  return tokens;
}

void read_rows(const Tensor& tensor, const View& view) {
  for (std::size_t row = 0; row < view.rows->count(); ++row) {
    for (int head = view.heads.begin; head < view.heads.end; ++head) {
      const auto values = tensor.row(view.rows->tokens()[row], head);
      store(view.element, values.data(), view.width, view.at(row, head));
    }
  }
}

void write_rows(const View& view, Tensor& tensor) {
  for (std::size_t row = 0; row < view.rows->count(); ++row) {
    for (int head = view.heads.begin; head < view.heads.end; ++head) {
      const auto values = tensor.row(view.rows->tokens()[row], head);
      load(view.element, view.at(row, head), view.width, values.data());
    }
  }
}

Memory::Memory(const Schedule& schedule, const BufferPlan& plan, Rank rank, Arithmetic arithmetic)
    : schedule_(schedule),
      plan_(plan),
      arithmetic_(arithmetic),
      scale_(plan_scale(arithmetic)),
      piece_(new std::byte[static_cast<std::size_t>(scale_ *
                                                    plan.bytes[static_cast<std::size_t>(rank)])]),
      used_(schedule.buffers.size(), false) {}

View Memory::view(Index buffer) {
  const Buffer& described = schedule_.buffers[buffer];
  View view;
  view.element = element_of(described.dtype, arithmetic_);
  view.heads = described.heads;
  view.width = static_cast<std::size_t>(schedule_.width(described.role));
  view.rows = &rows(described.intervals);
  const std::int64_t offset = plan_.offset_bytes[buffer] * scale_;
  view.data = piece_.get() + offset;
  if (used_[buffer]) return view;
  used_[buffer] = true;
  const std::size_t numbers =
      view.rows->count() * static_cast<std::size_t>(view.heads.size()) * view.width;
  const double poison = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t i = 0; i < numbers; ++i) {
    store(view.element, &poison, 1, view.data + i * bytes_of(view.element));
  }
  peak_bytes_ =
      std::max(peak_bytes_, offset + static_cast<std::int64_t>(numbers * bytes_of(view.element)));
  return view;
}

const Rows& Memory::rows(const Range& intervals) {
  std::unique_ptr<Rows>& rows = rows_[{intervals.first, intervals.count}];
  if (!rows) rows = std::make_unique<Rows>(schedule_.intervals_of(intervals));
  return *rows;
}

}  // namespace hsap::host
