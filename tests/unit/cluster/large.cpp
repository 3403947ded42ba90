#include "support/toy_cluster.hpp"

// Many nodes: every pair has a sound route, and building is a matter of milliseconds.
namespace hsap {
namespace {

using test::shipped;

bool is_leaf(const Cluster& cluster, std::uint32_t vertex) {
  return vertex >= static_cast<std::uint32_t>(cluster.nodes()) * cluster.spec().devices.size();
}

/// A route starts at one GPU, ends at the other, and each link begins where the one before ended;
/// only between two leaves may the way over the spine be left out.
bool sound(const Cluster& cluster, int from, int to) {
  const Route route = cluster.route(from, to);
  const auto links = cluster.links();
  const auto vertex = [&](int gpu) {  // GPUs are the first devices of a node
    const auto devices = cluster.spec().devices.size();
    return static_cast<std::uint32_t>(static_cast<std::size_t>(cluster.node_of(gpu)) * devices) +
           static_cast<std::uint32_t>(gpu % cluster.gpus_per_node());
  };
  std::uint32_t at = vertex(from);
  double narrowest = std::numeric_limits<double>::infinity();
  for (const LinkId id : route.links) {
    if (id >= links.size()) return false;
    const bool over_spine = is_leaf(cluster, at) && is_leaf(cluster, links[id].from);
    if (links[id].from != at && !over_spine) return false;
    at = links[id].to;
    narrowest = std::min(narrowest, links[id].bandwidth_bytes_per_s);
  }
  return at == vertex(to) && route.bandwidth_bytes_per_s <= narrowest;
}

}  // namespace

TEST_CASE("All pairs of every shipped cluster have sound routes") {
  for (const char* name : {"dgx-a100", "dgx-h100", "hgx-h200", "dgx-b200", "gb200-nvl72", "a800",
                           "h800", "l20x8-pcie"}) {
    const Cluster cluster = shipped(name, 3);
    int broken = 0;
    for (int from = 0; from < cluster.gpus(); ++from) {
      for (int to = 0; to < cluster.gpus(); ++to) broken += sound(cluster, from, to) ? 0 : 1;
    }
    INFO(name);
    CHECK(broken == 0);
  }
}

TEST_CASE("A way and the way back have equal length and numbers") {
  const Cluster cluster = shipped("dgx-a100", 41);  // three pods
  for (int from = 0; from < cluster.gpus(); from += 3) {
    for (int to = 0; to < cluster.gpus(); to += 5) {
      const Route there = cluster.route(from, to);
      const Route back = cluster.route(to, from);
      REQUIRE(there.links.size() == back.links.size());
      REQUIRE(there.latency_s == Approx(back.latency_s));
      REQUIRE(there.bandwidth_bytes_per_s == back.bandwidth_bytes_per_s);
    }
  }
}

TEST_CASE("1,024 GPUs: counts of links, and a million routes") {
  const Cluster cluster = shipped("dgx-h100", 128);
  CHECK(cluster.gpus() == 1024);
  // Both directions of: 8 NVLink + 24 PCIe + 1 socket + 8 NIC links a node; 8 rails x 4 pods.
  CHECK(cluster.links().size() == 2 * (128 * (8 + 24 + 1 + 8) + 8 * 4));
  std::size_t links = 0;
  for (int from = 0; from < 1024; ++from) {
    for (int to = 0; to < 1024; ++to) links += cluster.route(from, to).links.size();
  }
  // Inside a node 8 x 7 pairs of 2 links. Between the 128 x 127 pairs of nodes 8 pairs of 6 links
  // on one rail and 56 of 8 links over NVLink first.
  CHECK(links == 128 * 56 * 2 + std::size_t{128} * 127 * (8 * 6 + 56 * 8));
}

TEST_CASE("The largest cluster allowed can be built") {
  const Cluster cluster = shipped("dgx-h100", 8192);
  CHECK(cluster.gpus() == max_cluster_gpus);
  CHECK(sound(cluster, 0, max_cluster_gpus - 1));
}

TEST_CASE("Building twice gives the same links and routes") {
  const Cluster a = shipped("l20x8-pcie", 20);
  const Cluster b = shipped("l20x8-pcie", 20);
  REQUIRE(a.links().size() == b.links().size());
  for (int from = 0; from < a.gpus(); ++from) {
    for (int to = 0; to < a.gpus(); ++to) {
      const LinkPath x = a.route(from, to).links;
      const LinkPath y = b.route(from, to).links;
      REQUIRE(std::equal(x.begin(), x.end(), y.begin(), y.end()));
    }
  }
}

}  // namespace hsap
