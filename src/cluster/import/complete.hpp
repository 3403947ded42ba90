#pragma once

#include <optional>
#include <string>

#include "cluster/import/machine.hpp"
#include "cluster/import/rates.hpp"

/// Fills what a file leaves to the machine it was made for. Every assumption is a Warning.
namespace hsap::topo {

/// What a user says beside the file.
struct ImportOptions {
  std::string format;                     ///< "nccl-xml", "topo-m", or empty to look
  std::optional<int> sm;                  ///< compute capability of the GPUs
  std::optional<double> nic_bytes_per_s;  ///< of each network card
  std::optional<int> nvlinks;             ///< of each GPU to NVSwitches, where the file is silent
  std::string like;                       ///< cluster whose GPU, latencies and ramps are taken
  std::string name;                       ///< of the new cluster; from the file's name when empty
  int nodes = 0;                          ///< how many of them there are; 0 leaves it open
};

/// The model of the GPUs.
struct GpuChoice {
  int sm = 0;
  const GpuModel* model = nullptr;  ///< when the file names a chip that is known
  std::string cluster;              ///< cluster that lends its GPU, latencies and ramps
  std::string why;                  ///< how sm is known
};

/// Tells a file that describes no GPU, and decides what leaves without a class are: below CPUs
/// GPUs, as many at each as at the poorest, and NICs after them; below switches NICs, with one GPU
/// assumed beside them. Leaves them out when the file names GPUs.
void settle_skeleton(Machine& machine);

/// From the file, else from `options.sm`, else by the generation of PCIe. Errors: no GPU at all,
/// or `options.sm` against the file.
[[nodiscard]] Result<GpuChoice> identify_gpu(Machine& machine, const ImportOptions& options);

/// Fills missing PCIe rates with those of the GPU's generation, takes down those that a GPU cannot
/// have, and then lifts bridges that are slower than what hangs below them.
void complete_pcie(Machine& machine, const GpuChoice& gpu);

/// Joins the GPUs of a file that says nothing of NVLink to an NVSwitch, when `options.nvlinks`
/// says so or the GPU is of a kind that is built so.
void complete_nvlinks(Machine& machine, const GpuChoice& gpu, const ImportOptions& options);

/// Gives NICs their rates and leaves those that attention traffic would not use: NICs slower than
/// half of the fastest, and NICs that no GPU is nearest to. Where a switch has more NICs than
/// GPUs use, cards are joined to one per GPU. In the end all have one rate.
void settle_nics(Machine& machine, const ImportOptions& options);

}  // namespace hsap::topo
