#include "cluster/import/import.hpp"

#include "fuzz/target.hpp"

using namespace hsap;

/// A topology of another tool is read or refused, and what is read makes a whole cluster.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto imported = topo::import_text(fuzz::text_of(data, size), "input", {});
  if (!imported) {
    fuzz::demand(!imported.error().text().empty());
    return 0;
  }
  const ClusterSpec& spec = imported->spec;
  fuzz::demand(imported->origins.size() == spec.devices.size());
  const Result<Cluster> cluster = Cluster::build(spec, spec.max_nodes == 1 ? 1 : 2);
  fuzz::demand(cluster.ok());
  if (cluster->gpus() > 1) {
    fuzz::demand(cluster->route(0, cluster->gpus() - 1).bandwidth_bytes_per_s > 0);
  }
  return 0;
}
