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

/// Rows of tokens in a buffer, paired with rows 0, 1, ... of a message that carries them.
[[nodiscard]] std::vector<device::RowPair> message_rows(const host::Rows& rows,
                                                        std::span<const Token> tokens);
/// From the message to the buffer.
[[nodiscard]] std::vector<device::RowPair> turned(std::vector<device::RowPair> pairs);
[[nodiscard]] inline std::vector<device::RowPair> all_rows(std::int64_t count) {
  return {{0, 0, count}};
}
/// Whether these rows of an array are one piece of memory.
[[nodiscard]] inline bool in_one_piece(const device::Array& array,
                                       const std::vector<device::RowPair>& rows) {
  return rows.size() == 1 && array.row_stride == std::int64_t{array.heads} * array.width;
}

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
