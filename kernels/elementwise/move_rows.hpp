#pragma once

#include "kernels/elementwise/lines.hpp"
#include "kernels/elementwise/row_map.hpp"

namespace hsap::kernels {

/// Columns next to each other and, unless there is one, rows aligned to 16 bytes.
template <typename From, typename To>
struct MoveArguments {
  Rows<const From> from;  ///< part 0 of the map; without data, zeros
  Rows<To> to;            ///< part 1; no row twice
  RowMap map;
  std::int32_t heads = 0;
  bool add = false;  ///< to what is there, else in its place
};

/// Copies or adds rows, of either type: cast, pack and unpack, zero fill, sums of gradients.
template <typename From, typename To, int Columns>
struct MoveRows {
  static constexpr int width = line_width<From, To, Columns>;

  HSAP_DEVICE static void run(const MoveArguments<From, To>& on) {
    for (Lines<Columns, width> at(on.map.rows, on.heads); !at.done(); at.next()) {
      if (!at.valid()) continue;
      const MappedRow row(on.map, at.row());
      const From* from = on.from.data == nullptr ? nullptr : row.in(on.from, 0, at.head());
      To* to = row.in(on.to, 1, at.head()) + at.column();
      Numbers<width> numbers;
      if (from != nullptr) numbers = load_numbers<width>(from + at.column());
      if (on.add) {
        const Numbers<width> old = load_numbers<width>(to);
        HSAP_UNROLL
        for (int i = 0; i < width; ++i) numbers.values[i] += old.values[i];
      }
      store_numbers(to, numbers);
    }
  }
};

}  // namespace hsap::kernels
