#include "hsap/cluster.hpp"

#include "fuzz/target.hpp"

using namespace hsap;

/// A cluster file is read or refused, and what is read is built or refused.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string path = fuzz::file_with(fuzz::text_of(data, size), ".json");
  const Result<ClusterSpec> spec = load_cluster(path, {});
  if (!spec) {
    fuzz::demand(!spec.error().text().empty());
    return 0;
  }
  const Result<Cluster> cluster = Cluster::build(*spec, 2);
  if (cluster && cluster->gpus() > 1) {
    fuzz::demand(cluster->route(0, cluster->gpus() - 1).bandwidth_bytes_per_s > 0);
  }
  return 0;
}
