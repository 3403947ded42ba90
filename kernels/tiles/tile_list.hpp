#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hsap/mask.hpp"
#include "kernels/tiles/tile.hpp"

namespace hsap::kernels {

/// The tiles of one side of an attention call, the longest first.
struct TileList {
  std::vector<Tile> tiles;
  std::vector<Run> runs;
  std::vector<Band> bands;
};

/// Which side of the slices the tiles lie on.
enum class Side {
  query,  ///< rows are queries, columns are keys
  key,    ///< rows are keys, columns are queries
};

struct TileShape {
  std::int32_t rows = 128;     ///< of a tile
  std::int32_t columns = 128;  ///< of a step, to weigh tiles by
};

/// Cuts rows [0, rows) into tiles that cover every row once, also those that see nothing. Tiles
/// begin where documents begin; several short documents, or the end of one and short ones after it,
/// share a tile when they fit into it whole. Slices count rows of the operands; strides must be 1,
/// pairs disjoint. At most a few passes over the slices and the tiles. Errors (bad_input): a slice
/// that is empty, strided or beyond the rows.
[[nodiscard]] Result<TileList> make_tiles(std::span<const Slice> slices, Side side,
                                          std::int32_t rows, std::int32_t columns,
                                          const TileShape& shape);

}  // namespace hsap::kernels
