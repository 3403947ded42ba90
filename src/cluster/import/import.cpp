#include "cluster/import/import.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/files.hpp"
#include "base/names.hpp"
#include "cluster/import/assemble.hpp"
#include "cluster/import/nccl_xml.hpp"
#include "cluster/import/paths.hpp"
#include "cluster/import/tidy.hpp"
#include "cluster/import/topo_m.hpp"
#include "cluster/node_reader.hpp"

namespace hsap::topo {
namespace {

using Kind = Part::Kind;

/// A rack of 72 GPUs takes less than 200 KB.
constexpr std::int64_t max_file_bytes = 8 << 20;

constexpr std::array<std::string_view, 2> format_names{"nccl-xml", "topo-m"};

/// The format by the first character that is no blank, or by the header of the table.
Result<std::string> detect(const std::string& text, const std::string& file) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  if (first != std::string::npos && text[first] == '<') return std::string(format_names[0]);
  if (text.find("GPU0") != std::string::npos) return std::string(format_names[1]);
  Error error =
      bad_input("unknown format", text.empty() ? "an empty file" : "neither XML nor a table",
                "NCCL's topology XML, or the table of nvidia-smi topo -m");
  error.file = file;
  error.position = "line 1";
  return error;
}

Result<Machine> read_machine(const std::string& text, const std::string& file,
                             const ImportOptions& options) {
  std::string format = options.format;
  if (format.empty()) {
    HSAP_TRY(format, detect(text, file));
  }
  if (format == format_names[0]) return read_nccl_xml(text, file);
  HSAP_TRY(const TopoMatrix matrix, parse_topo_m(text, file));
  return machine_of(matrix, file);
}

Status check_size(const Machine& machine) {
  const std::size_t gpus = machine.all(Kind::gpu).size();
  if (gpus <= max_node_gpus && machine.parts.size() < max_node_devices) return {};
  Error error =
      bad_input("too many devices", fmt::format("{} GPUs of {}", gpus, machine.parts.size()),
                fmt::format("at most {} GPUs and {} in all", max_node_gpus, max_node_devices - 1));
  error.file = machine.file;
  return error;
}

/// The cluster must stand as a whole, alone and, where it has NICs, beside others.
Status check_nodes(const ClusterSpec& spec, const ImportOptions& options) {
  Error error;
  if (options.nodes > 1 && spec.max_nodes == 1) {
    error = bad_input("--nodes: nothing joins the nodes", "no NIC", "--nodes 1");
  } else {
    const int nodes = spec.max_nodes == 1 ? 1 : std::max(options.nodes, 2);
    const Result<Cluster> cluster = Cluster::build(spec, nodes);
    if (cluster) return {};
    error = cluster.error();
  }
  error.file = spec.file;
  error.position.clear();  // not that of a cluster file
  return error;
}

void list_paths(const Machine& machine, Imported& out) {
  std::vector<int> devices;
  std::size_t gpus = 0;
  for (std::size_t i = 0; i < out.spec.devices.size(); ++i) {
    const ClusterSpec::DeviceKind kind = out.spec.devices[i].kind;
    const bool gpu = kind == ClusterSpec::DeviceKind::gpu;
    if (!gpu && kind != ClusterSpec::DeviceKind::nic) continue;
    gpus += gpu ? 1 : 0;
    out.columns.push_back(out.spec.devices[i].name);
    devices.push_back(out.origins[i].index);
  }
  if (devices.size() <= max_path_columns) out.paths = path_classes(machine, devices, gpus);
}

}  // namespace

Result<std::string> parse_format(const std::string& text) {
  for (const std::string_view name : format_names) {
    if (text == name) return text;
  }
  const std::vector<std::string> known(format_names.begin(), format_names.end());
  return bad_input("unknown format", "'" + text + "'", one_of(known));
}

Result<Imported> import_text(const std::string& text, const std::string& file,
                             const ImportOptions& options) {
  HSAP_TRY(Machine machine, read_machine(text, file, options));
  settle_skeleton(machine);
  HSAP_CHECK(check_size(machine));
  HSAP_TRY(const GpuChoice gpu, identify_gpu(machine, options));
  complete_pcie(machine, gpu);
  complete_nvlinks(machine, gpu, options);
  settle_nics(machine, options);
  drop_idle_parts(machine);
  HSAP_TRY(const ClusterSpec lender, load_cluster(gpu.cluster));
  HSAP_TRY(Imported out, assemble(machine, gpu, lender, options));
  list_paths(machine, out);
  HSAP_CHECK(check_nodes(out.spec, options));
  out.warnings = std::move(machine.warnings);
  return out;
}

Result<Imported> import_topology(const std::string& path, const ImportOptions& options) {
  HSAP_TRY(const std::string text, read_file(path, max_file_bytes));
  return import_text(text, path, options);
}

}  // namespace hsap::topo
