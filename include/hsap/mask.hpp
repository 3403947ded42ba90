#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hsap/batch.hpp"
#include "hsap/interval.hpp"
#include "hsap/status.hpp"

namespace hsap {

/// Which keys the rows of a slice see. Row i of n and column j of m, counted inside the slice.
enum class SliceKind : std::uint8_t {
  full,            ///< all
  causal,          ///< j - i <= m - n: the last row sees every column (bottom-right aligned)
  inverse_causal,  ///< j - i >= 0: the first row sees every column (top-left aligned)
  bi_causal,       ///< 0 <= j - i <= m - n: a band of m - n + 1 columns
};

/// A piece of the attention mask: queries x keys, both as token intervals.
struct Slice {
  Interval query;
  Interval key;
  SliceKind kind = SliceKind::full;

  friend bool operator==(const Slice&, const Slice&) = default;
};

/// Number of (query, key) pairs that the slice lets through. Exact.
[[nodiscard]] std::int64_t area(const Slice& slice);

/// True when the pair is inside the slice and not masked.
[[nodiscard]] bool attends(const Slice& slice, Token query, Token key);

/// Appends to `out` the slices that cover exactly the pairs of `slice` whose query lies in
/// `query` and whose key lies in `key` (at most three slices). `slice` must have stride 1;
/// `query` and `key` equal strides, or one of them at most one token in `slice`.
void cut(const Slice& slice, const Interval& query, const Interval& key, std::vector<Slice>& out);

/// The rule by which tokens of one document attend to each other. Never across documents.
struct Mask {
  enum class Kind : std::uint8_t {
    causal,           ///< key <= query
    full,             ///< every pair
    sliding,          ///< query - window < key <= query
    prefix,           ///< causal, and the first `prefix` tokens see each other fully
    shared_question,  ///< a question of `prefix` tokens, then `answers` equal answers (the last
                      ///< takes the remainder); each answer sees the question and itself, causally
  };
  Kind kind = Kind::causal;
  Token window = 0;   ///< sliding: keys seen by a query, itself included; at least 1
  Token prefix = 0;   ///< prefix, shared_question: tokens
  Token answers = 0;  ///< shared_question: from 1 to 2^16

  friend bool operator==(const Mask&, const Mask&) = default;
};

/// "causal", "full", "sliding:W", "prefix:N" or "shared_question:N:A".
[[nodiscard]] Result<Mask> parse_mask(const std::string& text);
[[nodiscard]] std::string to_string(const Mask& mask);

/// More slices than any batch of real documents has: a shared question makes one of each answer,
/// so that a few bytes of input could ask for terabytes.
inline constexpr std::int64_t max_slices = std::int64_t{1} << 22;

/// At least as many slices as lower() gives, without making them.
[[nodiscard]] std::int64_t count_slices(const Mask& mask, const Batch& batch);

/// The mask of a packed batch as slices with disjoint pairs, sorted by query, then key.
[[nodiscard]] std::vector<Slice> lower(const Mask& mask, const Batch& batch);

/// Unmasked pairs of the whole batch.
[[nodiscard]] std::int64_t area(const Mask& mask, const Batch& batch);

}  // namespace hsap
