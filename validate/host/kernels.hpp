#pragma once

#include <span>

#include "hsap/mask.hpp"
#include "validate/host/memory.hpp"

/// Attention on the host: what the operations of a schedule mean, in float32 or float64 sums (T).
/// Results of an operation are rounded once, when they are stored.
namespace hsap::host {

/// Operands of an attend; o and lse may hold a result to merge into.
struct Attend {
  View q, k, v, o, lse;
};
struct AttendBackward {
  View q, k, v, dout, lse, delta, dq, dk, dv;
};

/// Query heads that an operation works on, and the model around them.
struct HeadWork {
  HeadRange query;
  Heads model;

  [[nodiscard]] int key_head(int head) const { return head * model.key_value / model.query; }
};

/// Online softmax over the slices, tile by tile; tiles that the mask leaves empty are skipped. Rows
/// of o that see no key get o = 0 and lse = -inf.
template <typename T>
void attend(const Attend& on, const HeadWork& heads, std::span<const Slice> slices,
            bool accumulate);

/// Gradients from the complete lse and delta.
template <typename T>
void attend_backward(const AttendBackward& on, const HeadWork& heads, std::span<const Slice> slices,
                     bool accumulate_query, bool accumulate_key);

/// delta = rowsum(o * do).
template <typename T>
void row_products(const View& o, const View& dout, const View& delta, HeadRange heads);

/// Joins the partial result into (o, lse) by log-sum-exp; either may have seen no key.
template <typename T>
void merge(const View& part_o, const View& part_lse, const View& o, const View& lse,
           HeadRange heads);

/// Adds or copies the rows of `tokens` of one buffer to those of another, casting.
template <typename T>
void move_rows(const View& from, const View& to, std::span<const Token> tokens, HeadRange heads,
               bool add);

extern template void attend<float>(const Attend&, const HeadWork&, std::span<const Slice>, bool);
extern template void attend<double>(const Attend&, const HeadWork&, std::span<const Slice>, bool);
extern template void attend_backward<float>(const AttendBackward&, const HeadWork&,
                                            std::span<const Slice>, bool, bool);
extern template void attend_backward<double>(const AttendBackward&, const HeadWork&,
                                             std::span<const Slice>, bool, bool);

}  // namespace hsap::host
