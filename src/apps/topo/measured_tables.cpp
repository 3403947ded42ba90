#include "apps/topo/measured_tables.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "cli/inputs.hpp"
#include "cli/output.hpp"
#include "export/json/runtime.hpp"
#include "export/json/text.hpp"
#include "validate/measure/tables.hpp"

namespace hsap::apps {
namespace {

/// GPUs of the cluster by rank.
Result<std::vector<int>> gpus_of(const std::vector<int>& nodes, int per_node) {
  std::vector<int> taken(nodes.size(), 0);
  std::vector<int> gpus;
  for (const int node : nodes) {
    const int place = taken[static_cast<std::size_t>(node)]++;
    if (place >= per_node) {
      return cli::at_flag(
          "--cluster", bad_input("more ranks on a node than it has GPUs", std::to_string(place + 1),
                                 fmt::format("at most {}", per_node)));
    }
    gpus.push_back(node * per_node + place);
  }
  return gpus;
}

/// Beside the cluster of another measurement an old table of messages would tell lies.
Status remove_old(const std::string& path) {
  std::error_code failed;
  std::filesystem::remove(path, failed);
  if (!failed) return {};
  Error error = bad_input("cannot be removed: " + failed.message());
  error.file = path;
  return error;
}

}  // namespace

Result<MeasuredTables> write_tables(const WorldMeasured& found, int gpus_per_node,
                                    const std::string& folder, bool force) {
  const auto write = [&](const std::string& name, const std::string& text) -> Result<std::string> {
    const cli::OutputFile file{"--tables", folder + "/" + name};
    HSAP_CHECK(cli::write_output(file, text, force));
    return file.path;
  };
  HSAP_TRY(const Runtime runtime, runtime_of(found.device, found.interference));
  const bool talked = !found.rounds.rounds.empty();
  HSAP_TRY(const std::vector<int> gpus,
           gpus_of(talked ? found.nodes : std::vector<int>(), gpus_per_node));
  MeasuredTables tables;
  HSAP_CHECK(write("machine.json", json_text(measure::machine_json(found.device))));
  HSAP_CHECK(write("runtime.json", json_text(to_json(runtime))));
  HSAP_TRY(tables.kernels, write("kernels.csv", measure::kernels_csv(found.device)));
  HSAP_TRY(tables.copies, write("copies.csv", measure::copies_csv(found.device)));
  if (talked) {
    HSAP_TRY(tables.transfers, write("transfers.csv", measure::transfers_csv(found.rounds, gpus)));
  } else if (force) {
    HSAP_CHECK(remove_old(folder + "/transfers.csv"));
  }
  return tables;
}

}  // namespace hsap::apps
