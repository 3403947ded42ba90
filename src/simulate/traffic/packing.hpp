#pragma once

#include <cstdint>

#include "hsap/schedule.hpp"

namespace hsap {

/// True when the rows of a transfer lie in its buffer as one block: all heads, and consecutive
/// rows (rows are stored token by token in the order of the buffer's intervals, each with all
/// heads), or no more than one row.
[[nodiscard]] bool contiguous(const Schedule& schedule, const Transfer& transfer);

/// Bytes of an exchange in one direction that a runtime which needs contiguous messages copies.
/// Rows that stay on the rank are not counted.
[[nodiscard]] std::int64_t packed_bytes(const Schedule& schedule, const Operation& op,
                                        Direction direction);

}  // namespace hsap
