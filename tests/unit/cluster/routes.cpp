#include <catch2/catch.hpp>

#include "hsap/cluster.hpp"
#include "hsap/runtime.hpp"

namespace hsap {
namespace {

std::vector<std::string> names(const Cluster& cluster, int from, int to) {
  std::vector<std::string> out;
  for (const LinkId link : cluster.route(from, to).links) out.push_back(cluster.link_name(link));
  return out;
}

Cluster shipped(const std::string& name, int nodes) {
  const Result<ClusterSpec> spec = load_cluster(name);
  if (!spec) FAIL(spec.error().text());
  Result<Cluster> cluster = Cluster::build(*spec, nodes);
  if (!cluster) FAIL(cluster.error().text());
  return std::move(*cluster);
}

}  // namespace

TEST_CASE("DGX H100 inside a node") {
  const Cluster cluster = shipped("dgx-h100", 4);
  CHECK(names(cluster, 9, 12) ==
        std::vector<std::string>{"node1.gpu1 -> node1.nvswitch0", "node1.nvswitch0 -> node1.gpu4"});
}

TEST_CASE("DGX H100 between nodes") {
  const Cluster cluster = shipped("dgx-h100", 4);
  using Names = std::vector<std::string>;
  CHECK(names(cluster, 1, 25) ==
        Names{"node0.gpu1 -> node0.pcie_switch1", "node0.pcie_switch1 -> node0.nic1",
              "node0.nic1 -> rail1.leaf0", "rail1.leaf0 -> node3.nic1",
              "node3.nic1 -> node3.pcie_switch1", "node3.pcie_switch1 -> node3.gpu1"});
  // Another rail: over NVLink first, to the GPU on that rail.
  CHECK(names(cluster, 1, 26) ==
        Names{"node0.gpu1 -> node0.nvswitch0", "node0.nvswitch0 -> node0.gpu2",
              "node0.gpu2 -> node0.pcie_switch2", "node0.pcie_switch2 -> node0.nic2",
              "node0.nic2 -> rail2.leaf0", "rail2.leaf0 -> node3.nic2",
              "node3.nic2 -> node3.pcie_switch2", "node3.pcie_switch2 -> node3.gpu2"});
}

TEST_CASE("Shipped runtimes load") {
  for (const char* name : {"hsap", "ring-flash-attention", "transformer-engine", "ideal"}) {
    const Result<Runtime> runtime = load_runtime(name);
    if (!runtime) FAIL(runtime.error().text());
    CHECK(runtime->name == name);
  }
}

}  // namespace hsap
