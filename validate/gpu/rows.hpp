#pragma once

#include <span>
#include <vector>

#include "validate/device/device.hpp"
#include "validate/host/memory.hpp"

/// From global tokens to rows of buffers, once and ahead of a run.
namespace hsap::executor {

/// Rows of the same tokens in two buffers, in the order of `tokens`, joined where they go on.
[[nodiscard]] std::vector<device::RowPair> pair_rows(const host::Rows& from, const host::Rows& to,
                                                     std::span<const Token> tokens);

/// Slices of tokens as slices of rows of a query and a key buffer.
/// Errors (infeasible): rows of a slice that are not next to each other.
[[nodiscard]] Result<std::vector<Slice>> slices_in_rows(std::span<const Slice> slices,
                                                        const host::Rows& query,
                                                        const host::Rows& key);

/// By how many rows every token of the slices (of one side) stands later in `other` than in `rows`.
/// Errors (infeasible): when that is not the same for all.
[[nodiscard]] Result<std::int64_t> shift_between(std::span<const Interval> sides,
                                                 const host::Rows& rows, const host::Rows& other);

}  // namespace hsap::executor
