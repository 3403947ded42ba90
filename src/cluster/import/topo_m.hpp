#pragma once

#include <string>
#include <vector>

#include "cluster/import/machine.hpp"

namespace hsap::topo {

/// The matrix that `nvidia-smi topo -m` prints.
struct TopoMatrix {
  /// NVLink says nothing of the way over PCIe behind it.
  enum class Near { self, pix, pxb, phb, node, sys, nvlink };
  struct Cell {
    Near near = Near::sys;
    int nvlinks = 0;
  };
  std::vector<std::string> names;   ///< "GPU0", ..., "NIC0" or "mlx5_0", ...
  std::vector<int> lines;           ///< of each device's row
  std::vector<std::string> places;  ///< NUMA node or CPUs of each device; empty when not told
  int gpus = 0;                     ///< they come first
  std::vector<std::vector<Cell>> cells;
};

/// Columns of affinity, legends and the underlining of terminals are understood; devices of a
/// legend keep their short names. Errors name the line: no header, unknown cells, rows that are
/// missing, short, given twice or that contradict each other.
[[nodiscard]] Result<TopoMatrix> parse_topo_m(const std::string& text, const std::string& file);

/// The tree of switches and CPUs that explains the matrix.
[[nodiscard]] Machine machine_of(const TopoMatrix& matrix, const std::string& file);

}  // namespace hsap::topo
