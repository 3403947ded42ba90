#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "cluster/import/complete.hpp"

namespace hsap::topo {
namespace {

using Kind = Part::Kind;

/// What the GPUs of the file say of themselves.
struct Stated {
  int gpu = -1;  ///< the one that says it
  int sm = std::numeric_limits<int>::max();
  const GpuModel* model = nullptr;
  bool mixed = false;
};

Stated stated(const Machine& machine, const std::vector<int>& gpus) {
  Stated out;
  for (const int gpu : gpus) {
    const Part& part = machine.part(gpu);
    const GpuModel* model = gpu_model(part.chip);
    if (!part.sm && model == nullptr) continue;
    const int sm = part.sm ? *part.sm : model->sm;
    out.mixed = out.mixed || (out.gpu >= 0 && (sm != out.sm || model != out.model));
    if (sm < out.sm) {
      out.gpu = gpu;
      out.sm = sm;
      out.model = model;
    }
  }
  return out;
}

/// The most NVLinks that one GPU has.
int most_nvlinks(const Machine& machine) {
  std::map<int, int> links;
  for (const NvLinks& each : machine.nvlinks) {
    links[each.gpu] += each.links;
    if (each.peer >= 0) links[each.peer] += each.links;
  }
  int most = 0;
  for (const auto& [gpu, count] : links) most = std::max(most, count);
  return most;
}

/// NVLink and PCIe tell generations of GPUs apart, roughly; Gen3 and Gen4 both carry A100s.
int guess_sm(const Machine& machine, const std::vector<int>& gpus) {
  if (most_nvlinks(machine) > generation(80).nvlinks) return 90;
  double fastest = 0;
  for (const int gpu : gpus) {
    fastest = std::max(fastest, machine.part(gpu).link_bytes_per_s.value_or(0));
  }
  for (const Part& part : machine.parts) {
    if (fastest == 0 && part.kind == Kind::nic) fastest = part.link_bytes_per_s.value_or(0);
  }
  if (fastest >= pcie_x16_bytes_per_s(6)) return 100;
  return fastest >= pcie_x16_bytes_per_s(5) ? 90 : 80;
}

/// The shipped cluster that is nearest.
void choose_cluster(Machine& machine, const ImportOptions& options, GpuChoice& out) {
  const Generation& made = generation(out.sm);
  const bool exact = out.model != nullptr && out.model->cluster[0] != '\0';
  out.cluster = exact ? out.model->cluster : made.cluster;
  if (!options.like.empty()) {
    out.cluster = options.like;
    return;
  }
  const bool same = out.model == nullptr ? made.measured && made.sm == out.sm : exact;
  if (same) return;
  machine.warn("gpu-constants", "",
               fmt::format("no kernel times of {} are known; those of the GPU of {} are taken; "
                           "--like names another cluster",
                           out.model == nullptr ? fmt::format("sm{}", out.sm) : out.model->name,
                           out.cluster));
}

}  // namespace

Result<GpuChoice> identify_gpu(Machine& machine, const ImportOptions& options) {
  const std::vector<int> gpus = machine.all(Kind::gpu);
  if (gpus.empty()) {
    Error error = bad_input("a machine without GPUs", "no device that is one",
                            "<gpu> elements, or PCI devices of class 0x03");
    error.file = machine.file;
    return error;
  }
  const Stated known = stated(machine, gpus);
  GpuChoice out;
  if (known.gpu >= 0) {
    if (options.sm && *options.sm != known.sm) {
      return machine.error(known.gpu, "--sm contradicts the file",
                           fmt::format("--sm {}", *options.sm), fmt::format("sm {}", known.sm));
    }
    out.sm = known.sm;
    out.model = known.model;
    out.why = known.model == nullptr ? "the file says so" : "by its PCI id";
    if (known.mixed) {
      machine.warn("mixed-gpus", "",
                   fmt::format("GPUs of several models; all are taken for sm{}", out.sm));
    }
  } else {
    out.sm = options.sm.value_or(guess_sm(machine, gpus));
    out.why = options.sm ? "by --sm" : "assumed";
    if (!options.sm) {
      machine.warn("gpu-model", "",
                   fmt::format("the file does not name the GPU; sm{} is assumed by what the links "
                               "tell; --sm says otherwise",
                               out.sm));
    }
  }
  choose_cluster(machine, options, out);
  return out;
}

}  // namespace hsap::topo
