#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "hsap/buffer_plan.hpp"
#include "hsap/schedule.hpp"
#include "validate/host/element.hpp"

namespace hsap::host {

/// Where the tokens of a list of intervals stand: token -> row.
class Rows {
 public:
  explicit Rows(std::span<const Interval> list);

  /// The row of a token that the list holds.
  [[nodiscard]] std::size_t operator[](Token token) const {
    return static_cast<std::size_t>(rows_[static_cast<std::size_t>(token - first_)]);
  }
  [[nodiscard]] std::size_t count() const { return tokens_.size(); }
  [[nodiscard]] const std::vector<Token>& tokens() const { return tokens_; }

 private:
  Token first_ = 0;
  std::vector<std::int32_t> rows_;  ///< by token, from the first one
  std::vector<Token> tokens_;       ///< by row
};

/// One buffer: rows x heads x width numbers.
struct View {
  std::byte* data = nullptr;
  Element element = Element::fp32;
  HeadRange heads;
  std::size_t width = 0;
  const Rows* rows = nullptr;

  /// The numbers of one row and head, heads counted over the whole model.
  [[nodiscard]] std::byte* at(std::size_t row, int head) const {
    const auto heads_before =
        row * static_cast<std::size_t>(heads.size()) + static_cast<std::size_t>(head - heads.begin);
    return data + heads_before * width * bytes_of(element);
  }
};

/// The rows of a buffer from the tensor of the whole batch, and back to it.
void read_rows(const Tensor& tensor, const View& view);
void write_rows(const View& view, Tensor& tensor);

/// The tokens of a list of intervals, in order.
[[nodiscard]] std::vector<Token> tokens_of(std::span<const Interval> list);

/// How many times the bytes of a plan the buffers take: with float64 8 bytes a number, of which a
/// plan counts 2 or 4.
[[nodiscard]] constexpr std::int64_t plan_scale(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::fp64 ? 4 : 1;
}

/// The memory of one rank: one piece, laid out by plan_buffers(). A buffer is filled with NaN
/// before its first use, so that reading what nothing wrote shows.
class Memory {
 public:
  Memory(const Schedule& schedule, const BufferPlan& plan, Rank rank, Arithmetic arithmetic);

  /// Whether any operation touches the buffer; one that none does has no room.
  [[nodiscard]] bool has(Index buffer) const { return plan_.offset_bytes[buffer] >= 0; }
  [[nodiscard]] View view(Index buffer);
  [[nodiscard]] const Rows& rows(const Range& intervals);
  /// Most bytes of the piece that were ever in use.
  [[nodiscard]] std::int64_t peak_bytes() const { return peak_bytes_; }

 private:
  const Schedule& schedule_;
  const BufferPlan& plan_;
  Arithmetic arithmetic_;
  std::int64_t scale_;  ///< of offsets
  std::unique_ptr<std::byte[]> piece_;
  std::vector<bool> used_;  ///< by buffer
  std::map<std::pair<Index, Index>, std::unique_ptr<Rows>> rows_;
  std::int64_t peak_bytes_ = 0;
};

}  // namespace hsap::host
