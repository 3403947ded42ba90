#pragma once

#include "hsap/mask.hpp"

namespace hsap::verifier {

/// A slice as inequalities: row i of `query` sees column j of `key` iff low <= j - i <= high.
struct Band {
  Interval query;
  Interval key;
  std::int64_t low = 0;
  std::int64_t high = 0;
};

[[nodiscard]] Band band_of(const Slice& slice);

/// The part of a band whose queries lie in [query_begin, query_end) and keys in
/// [key_begin, key_end); its intervals may be empty.
struct Window {
  Token query_begin = 0;
  Token query_end = 0;
  Token key_begin = 0;
  Token key_end = 0;
};
[[nodiscard]] Band restrict_to(const Band& band, const Window& window);

}  // namespace hsap::verifier
