#include "support/toy_cluster.hpp"

// How nodes are joined: leaves, rails, spine, oversubscription. Numbers of the toy machine.
namespace hsap {
namespace {

using test::build_ok;
using test::Names;
using test::names;
using test::read_ok;
using test::toy_json;

/// The link of a cluster with a name, or null.
const Link* find(const Cluster& cluster, const std::string& name) {
  for (LinkId id = 0; id < cluster.links().size(); ++id) {
    if (cluster.link_name(id) == name) return &cluster.links()[id];
  }
  return nullptr;
}

json::Value without_nvlink() {
  json::Value value = toy_json();
  value["node"]["links"].erase(0);
  return value;
}

}  // namespace

TEST_CASE("An uplink carries what its leaf's NICs send, over the oversubscription") {
  // 5 nodes, 2 a leaf: leaf 2 has one node. Rails: one NIC of 5 GB/s a node and leaf.
  //   uplink = nodes x 5 / oversubscription
  for (const double over : {0.5, 1.0, 2.0, 4.0}) {
    json::Value value = toy_json();
    value["network"]["oversubscription"] = over;
    const Cluster cluster = build_ok(read_ok(value), 5);
    CHECK(find(cluster, "rail0.leaf0 -> spine")->bandwidth_bytes_per_s == Approx(10e9 / over));
    CHECK(find(cluster, "spine -> rail1.leaf1")->bandwidth_bytes_per_s == Approx(10e9 / over));
    CHECK(find(cluster, "rail1.leaf2 -> spine")->bandwidth_bytes_per_s == Approx(5e9 / over));
  }
}

TEST_CASE("Without rails a leaf takes all NICs of its nodes") {
  json::Value value = toy_json();
  value["network"]["rails"] = false;
  const Cluster cluster = build_ok(read_ok(value), 4);
  CHECK(find(cluster, "leaf0 -> spine")->bandwidth_bytes_per_s == Approx(2 * 2 * 5e9));
  CHECK(find(cluster, "node3.nic1 -> leaf1") != nullptr);
  // gpu0 to gpu1 of the other node: no detour over NVLink, the leaf joins both NICs.
  CHECK(names(cluster, 0, 3) == Names{"node0.gpu0 -> node0.pcie_switch0",
                                      "node0.pcie_switch0 -> node0.nic0", "node0.nic0 -> leaf0",
                                      "leaf0 -> node1.nic1", "node1.nic1 -> node1.pcie_switch1",
                                      "node1.pcie_switch1 -> node1.gpu1"});
}

TEST_CASE("Uplinks are on a route exactly when they can limit it") {
  json::Value value = toy_json();
  const Cluster fair = build_ok(read_ok(value), 4);
  CHECK(fair.route(0, 4).links.size() == 6);
  value["network"]["oversubscription"] = 4;
  const Cluster tight = build_ok(read_ok(value), 4);
  const Names way = names(tight, 0, 4);
  REQUIRE(way.size() == 8);
  CHECK(way[3] == "rail0.leaf0 -> spine");
  CHECK(way[4] == "spine -> rail0.leaf1");
  // One message alone: min(5, uplink 2 x 5 / 4) GB/s. Latency counts the fabric either way:
  //   4 pcie x 2 + 2 nic x 8 + 2 fabric x 16 = 56 us
  CHECK(tight.route(0, 4).bandwidth_bytes_per_s == Approx(2.5e9));
  CHECK(fair.route(0, 4).bandwidth_bytes_per_s == Approx(5e9));
  CHECK(tight.route(0, 4).latency_s == Approx(56e-6));
  CHECK(fair.route(0, 4).latency_s == Approx(56e-6));
  CHECK(tight.route(0, 2).links.size() == 6);  // same leaf
}

TEST_CASE("Other rail with NVLink: never the spine inside a pod") {
  const Cluster cluster = build_ok(read_ok(toy_json()), 2);
  // 2 nvlink x 1 + 4 pcie x 2 + 2 nic x 8
  CHECK(cluster.route(0, 3).latency_s == Approx(26e-6));
  CHECK(names(cluster, 0, 3)[1] == "node0.nvswitch0 -> node0.gpu1");
}

TEST_CASE("Other rail without NVLink: from leaf to leaf over the spine") {
  const Cluster cluster = build_ok(read_ok(without_nvlink()), 2);
  CHECK(names(cluster, 0, 3) ==
        Names{"node0.gpu0 -> node0.pcie_switch0", "node0.pcie_switch0 -> node0.nic0",
              "node0.nic0 -> rail0.leaf0", "rail1.leaf0 -> node1.nic1",
              "node1.nic1 -> node1.pcie_switch1", "node1.pcie_switch1 -> node1.gpu1"});
  CHECK(cluster.route(0, 3).latency_s == Approx((4 * 2 + 2 * 8 + 2 * 16) * 1e-6));
}

TEST_CASE("A network of rails alone needs no spine inside one pod") {
  json::Value value = toy_json();
  value.erase("fabric");
  const Cluster cluster = build_ok(read_ok(value), 2);
  CHECK(cluster.route(0, 3).links.size() == 8);
  CHECK(find(cluster, "rail0.leaf0 -> spine") == nullptr);
}

TEST_CASE("GPUs share a NIC where there are fewer") {
  json::Value value = toy_json();
  value["node"]["devices"]["nic"] = 1;
  value["node"]["links"][2] = {"nic0", "pcie_switch0", "pcie"};
  const Cluster cluster = build_ok(read_ok(value), 2);
  // gpu1 reaches nic0 by pcie, pcie, socket, pcie, pcie.
  const Names way = names(cluster, 1, 3);
  CHECK(way[0] == "node0.gpu1 -> node0.pcie_switch1");
  CHECK(way[2] == "node0.cpu1 -> node0.cpu0");
  CHECK(way[4] == "node0.pcie_switch0 -> node0.nic0");
  CHECK(way.size() == 12);
  CHECK(cluster.route(1, 3).latency_s == Approx((2 * (4 * 2 + 4) + 2 * 8) * 1e-6));
}

TEST_CASE("Lanes multiply the bandwidth of a link") {
  json::Value value = toy_json();
  value["node"]["links"][0].push_back(2.5);
  const Cluster cluster = build_ok(read_ok(value), 1);
  CHECK(cluster.route(0, 1).bandwidth_bytes_per_s == Approx(250e9));
}

TEST_CASE("One --set changes every link of a class") {
  const std::vector<Override> changes{
      {"nic.bandwidth_bytes_per_s", "100e9"}, {"model.layers", "7"}, {"runtime.duplex", "false"}};
  const Cluster cluster = build_ok(read_ok(toy_json(), changes), 4);
  CHECK(find(cluster, "node3.nic1 -> rail1.leaf1")->bandwidth_bytes_per_s == 100e9);
  CHECK(find(cluster, "rail1.leaf1 -> spine")->bandwidth_bytes_per_s == 200e9);
  CHECK(cluster.route(0, 2).bandwidth_bytes_per_s == 10e9);  // now PCIe is what limits
}

}  // namespace hsap
