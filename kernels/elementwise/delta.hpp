#pragma once

#include "kernels/elementwise/lines.hpp"
#include "kernels/elementwise/row_map.hpp"

namespace hsap::kernels {

template <typename O, typename Dout>
struct DeltaArguments {
  Rows<const O> o;        ///< part 0 of the map
  Rows<const Dout> dout;  ///< part 1
  Rows<float> delta;      ///< part 2
  RowMap map;
  std::int32_t heads = 0;
};

/// delta = rowsum(o * do), in fp32.
template <typename O, typename Dout, int Columns>
struct Delta {
  static constexpr int width = line_width<O, Dout, Columns>;

  HSAP_DEVICE static void run(const DeltaArguments<O, Dout>& on) {
    using Walk = Lines<Columns, width>;
    for (Walk at(on.map.rows, on.heads); !at.done(); at.next()) {
      const MappedRow row(on.map, at.row());
      float sum = 0;
      if (at.valid()) {
        const auto o = load_numbers<width>(row.in(on.o, 0, at.head()) + at.column());
        const auto dout = load_numbers<width>(row.in(on.dout, 1, at.head()) + at.column());
        HSAP_UNROLL
        for (int i = 0; i < width; ++i) sum += o.values[i] * dout.values[i];
      }
      HSAP_UNROLL
      for (int mask = Walk::lanes / 2; mask > 0; mask /= 2) sum += gpu::shuffle_xor(sum, mask);
      if (at.valid() && at.first_lane()) *row.in(on.delta, 2, at.head()) = sum;
    }
  }
};

}  // namespace hsap::kernels
