#pragma once

#include <map>
#include <vector>

#include "cluster/import/machine.hpp"

namespace hsap::topo {

/// The class of the best way between every GPU and every GPU and NIC, as `nvidia-smi topo -m`
/// would show them, with NCCL's names: NVL over NVLink or NVSwitch, NVB over NVLink by way of
/// other GPUs, else the class over PCIe. `devices` are parts; the first `gpus` of them are GPUs.
/// Answers [gpus][devices].
[[nodiscard]] std::vector<std::vector<PathClass>> path_classes(const Machine& machine,
                                                               const std::vector<int>& devices,
                                                               std::size_t gpus);

/// GPUs by the NICs that are nearest to them over PCIe.
[[nodiscard]] std::map<std::vector<int>, std::vector<int>> gpus_by_nics(const Machine& machine);

}  // namespace hsap::topo
