#include "validate/run/scale.hpp"

#include <algorithm>

namespace hsap::validation {

Batch shrink(const Batch& batch, Token tokens) {
  const std::int64_t all = batch.tokens();
  if (all <= tokens) return batch;
  Batch small;
  std::int64_t before = 0;
  for (const Token length : batch.lengths) {
    // Borders move, so that rounding does not add up over many documents.
    const std::int64_t begin = before * tokens / all;
    before += length;
    const std::int64_t end = before * tokens / all;
    small.lengths.push_back(static_cast<Token>(std::max<std::int64_t>(1, end - begin)));
  }
  return small;
}

}  // namespace hsap::validation
