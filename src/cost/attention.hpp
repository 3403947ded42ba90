#pragma once

#include <cstdint>
#include <span>

#include "hsap/cost.hpp"

namespace hsap {

/// attention_time() of a kernel over `documents` documents, each with slices like these.
[[nodiscard]] KernelTime packed_attention_time(std::span<const Slice> slices,
                                               std::int64_t documents, int query_heads,
                                               int head_dim, Pass pass, const Device& device);

}  // namespace hsap
