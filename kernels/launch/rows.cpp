#include <algorithm>
#include <limits>
#include <string>

#include "kernels/launch/device.hpp"
#include "kernels/launch/start.hpp"

/// Launches of the element-wise kernels.
namespace hsap::kernels {
namespace {

Status check_pair(const Tensor& a, const char* a_name, const Tensor& b, const char* b_name) {
  if (a.columns != b.columns) {
    return bad_input(std::string(a_name) + " and " + b_name + " differ in columns",
                     std::to_string(a.columns), std::to_string(b.columns));
  }
  if (b.columns != 1 && b.columns != 64 && b.columns != 128) {
    return bad_input("no kernel has rows of so many columns", std::to_string(b.columns),
                     "1, 64 or 128");
  }
  if (b.columns == 1) return {};
  HSAP_CHECK(check_aligned(a, a_name));
  return check_aligned(b, b_name);
}

/// Empty when there is nothing to do: a grid of no blocks.
Result<Grid> grid_of(const Tensor& a, const Tensor& b, const RowMap& rows, int heads,
                     const Launch& launch) {
  const std::int64_t lines = std::int64_t{rows.rows} * heads;
  if (rows.rows < 0 || heads < 0 || lines > std::numeric_limits<std::int32_t>::max()) {
    return bad_input("too many rows or heads", std::to_string(lines));
  }
  HSAP_TRY(const int sms, current_sms());
  const int per_block = lines_of_block(a, b);
  const std::int64_t blocks = std::min<std::int64_t>(
      (lines + per_block - 1) / per_block, std::int64_t{sms_for(launch, sms)} * line_blocks_of_sm);
  return Grid{static_cast<int>(blocks), launch.stream};
}

}  // namespace

Status move_rows(const Tensor& from, const Tensor& to, const RowMap& rows, int heads, bool add,
                 const Launch& launch) {
  HSAP_CHECK(check_pair(from, "the source", to, "the destination"));
  HSAP_TRY(const Grid grid, grid_of(from, to, rows, heads, launch));
  if (grid.blocks == 0) return {};
  return cuda_status(start_move(from, to, rows, heads, add, grid), "cannot move rows");
}

Status merge(const Tensor& part_o, const Tensor& part_lse, const Tensor& o, const Tensor& lse,
             const RowMap& rows, int heads, const Launch& launch) {
  HSAP_CHECK(check_pair(part_o, "the partial o", o, "o"));
  HSAP_CHECK(check_numbers(part_lse, "the partial lse"));
  HSAP_CHECK(check_numbers(lse, "lse"));
  if (o.columns == 1) return bad_input("o of one column", "1", "64 or 128");
  HSAP_TRY(const Grid grid, grid_of(part_o, o, rows, heads, launch));
  if (grid.blocks == 0) return {};
  return cuda_status(start_merge(part_o, part_lse, o, lse, rows, heads, grid), "cannot merge");
}

Status delta(const Tensor& o, const Tensor& dout, const Tensor& delta, const RowMap& rows,
             int heads, const Launch& launch) {
  HSAP_CHECK(check_pair(o, "o", dout, "do"));
  HSAP_CHECK(check_numbers(delta, "delta"));
  if (o.columns == 1) return bad_input("o of one column", "1", "64 or 128");
  HSAP_TRY(const Grid grid, grid_of(o, dout, rows, heads, launch));
  if (grid.blocks == 0) return {};
  return cuda_status(start_delta(o, dout, delta, rows, heads, grid), "cannot compute delta");
}

}  // namespace hsap::kernels
