#pragma once

#include "kernels/attention/softmax.hpp"
#include "kernels/elementwise/lines.hpp"
#include "kernels/elementwise/row_map.hpp"

namespace hsap::kernels {

template <typename Part, typename Whole>
struct MergeArguments {
  Rows<const Part> part_o;  ///< part 0 of the map, with part_lse
  Rows<const float> part_lse;
  Rows<Whole> o;  ///< part 1, with lse; no row twice
  Rows<float> lse;
  RowMap map;
  std::int32_t heads = 0;
};

/// Joins a partial result into (o, lse) by log-sum-exp. The outputs of a side that has seen nothing
/// (lse = -inf) are not read.
template <typename Part, typename Whole, int Columns>
struct Merge {
  static constexpr int width = line_width<Part, Whole, Columns>;

  HSAP_DEVICE static void run(const MergeArguments<Part, Whole>& on) {
    for (Lines<Columns, width> at(on.map.rows, on.heads); !at.done(); at.next()) {
      MergeWeights weights = {minus_infinity, 0, 0};
      const MappedRow row(on.map, at.row());
      if (at.valid()) {
        weights = merge_weights(*row.in(on.lse, 1, at.head()), *row.in(on.part_lse, 0, at.head()));
      }
      gpu::sync_warp();  // lanes have read the lse that one of them is about to write
      if (weights.take == 0) continue;
      if (at.first_lane()) *row.in(on.lse, 1, at.head()) = weights.lse;
      Whole* to = row.in(on.o, 1, at.head()) + at.column();
      Numbers<width> sum;
      if (weights.keep > 0) sum = load_numbers<width>(to);
      const Numbers<width> part =
          load_numbers<width>(row.in(on.part_o, 0, at.head()) + at.column());
      HSAP_UNROLL
      for (int i = 0; i < width; ++i) {
        sum.values[i] = weights.keep * sum.values[i] + weights.take * part.values[i];
      }
      store_numbers(to, sum);
    }
  }
};

}  // namespace hsap::kernels
