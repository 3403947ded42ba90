#pragma once

#include <algorithm>
#include <limits>

#include "hsap/mask.hpp"

namespace hsap::host {

/// The pairs of a slice that its kind lets through, by column minus row inside the slice.
class Band {
 public:
  explicit Band(const Slice& slice) {
    const Token spare = slice.key.size() - slice.query.size();
    if (slice.kind == SliceKind::causal || slice.kind == SliceKind::bi_causal) high_ = spare;
    if (slice.kind == SliceKind::inverse_causal || slice.kind == SliceKind::bi_causal) low_ = 0;
  }

  [[nodiscard]] bool sees(Token row, Token column) const {
    return column - row >= low_ && column - row <= high_;
  }
  /// Whether rows [row, row + rows) and columns [column, column + columns) have any pair, or all.
  [[nodiscard]] bool any(Token row, Token rows, Token column, Token columns) const {
    return column + columns - 1 - row >= low_ && column - (row + rows - 1) <= high_;
  }
  [[nodiscard]] bool all(Token row, Token rows, Token column, Token columns) const {
    return column - (row + rows - 1) >= low_ && column + columns - 1 - row <= high_;
  }

 private:
  Token low_ = std::numeric_limits<Token>::min() / 2;
  Token high_ = std::numeric_limits<Token>::max() / 2;
};

/// Rows and columns of a tile.
inline constexpr Token tile = 64;
inline constexpr auto tile_side = static_cast<std::size_t>(tile);

/// Calls use(row, rows, column, columns, border) for every tile of the slice that has a pair;
/// `border` says that it also has masked ones.
template <typename Use>
void for_each_tile(const Slice& slice, Use use) {
  const Band band(slice);
  const Token all_rows = slice.query.size();
  const Token all_columns = slice.key.size();
  for (Token row = 0; row < all_rows; row += tile) {
    const Token rows = std::min(tile, all_rows - row);
    for (Token column = 0; column < all_columns; column += tile) {
      const Token columns = std::min(tile, all_columns - column);
      if (!band.any(row, rows, column, columns)) continue;
      use(row, rows, column, columns, !band.all(row, rows, column, columns));
    }
  }
}

}  // namespace hsap::host
