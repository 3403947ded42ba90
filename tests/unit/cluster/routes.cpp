#include "cluster/node_routes.hpp"
#include "support/toy_cluster.hpp"

// Routes of every shipped topology against what its file says, worked out by hand.
namespace hsap {
namespace {

using test::build_ok;
using test::Names;
using test::names;
using test::shipped;

double us(const Route& route) { return route.latency_s * 1e6; }
double gb(const Route& route) { return route.bandwidth_bytes_per_s / 1e9; }

}  // namespace

TEST_CASE("DGX H100 inside a node: two NVLink hops") {
  const Cluster cluster = shipped("dgx-h100", 4);
  CHECK(names(cluster, 9, 12) ==
        Names{"node1.gpu1 -> node1.nvswitch0", "node1.nvswitch0 -> node1.gpu4"});
  const Route route = cluster.route(9, 12);
  CHECK(us(route) == Approx(2 * 4.5));
  CHECK(gb(route) == Approx(360));
  CHECK(route.ramp_bytes == 1e6);
  CHECK_FALSE(route.inter_node);
}

TEST_CASE("DGX H100 on one rail: by the NIC beside each GPU") {
  const Cluster cluster = shipped("dgx-h100", 4);
  CHECK(names(cluster, 1, 25) ==
        Names{"node0.gpu1 -> node0.pcie_switch1", "node0.pcie_switch1 -> node0.nic1",
              "node0.nic1 -> rail1.leaf0", "rail1.leaf0 -> node3.nic1",
              "node3.nic1 -> node3.pcie_switch1", "node3.pcie_switch1 -> node3.gpu1"});
  const Route route = cluster.route(1, 25);
  CHECK(us(route) == Approx(4 * 4.5 + 2 * 1.5));
  CHECK(gb(route) == Approx(45));
  CHECK(route.inter_node);
}

TEST_CASE("DGX H100 to another rail: over NVLink to the GPU on that rail") {
  const Cluster cluster = shipped("dgx-h100", 4);
  CHECK(names(cluster, 1, 26) ==
        Names{"node0.gpu1 -> node0.nvswitch0", "node0.nvswitch0 -> node0.gpu2",
              "node0.gpu2 -> node0.pcie_switch2", "node0.pcie_switch2 -> node0.nic2",
              "node0.nic2 -> rail2.leaf0", "rail2.leaf0 -> node3.nic2",
              "node3.nic2 -> node3.pcie_switch2", "node3.pcie_switch2 -> node3.gpu2"});
  CHECK(us(cluster.route(1, 26)) == Approx(2 * 4.5 + 4 * 4.5 + 2 * 1.5));
  // The NVLink's 1 MB at 360 GB/s, in the time of the NIC's 45 GB/s.
  CHECK(cluster.route(1, 26).ramp_bytes == Approx(1e6 * 45 / 360));
}

TEST_CASE("DGX H100 to another pod: the spine adds two fabric links of latency") {
  const Cluster cluster = shipped("dgx-h100", 64);  // 32 nodes a leaf
  const Route near = cluster.route(0, 31 * 8);
  const Route far = cluster.route(0, 32 * 8);
  CHECK(us(far) == Approx(us(near) + 2 * 0.5));
  CHECK(far.links.size() == near.links.size());  // without oversubscription nothing to share
}

TEST_CASE("HGX H200 shares the links of H100") {
  const Cluster cluster = shipped("hgx-h200", 2);
  CHECK(us(cluster.route(0, 7)) == Approx(9));
  CHECK(us(cluster.route(7, 15)) == Approx(21));
  CHECK(cluster.spec().device.memory_bytes == 141e9);
}

TEST_CASE("DGX A100: GPUs behind one switch take turns with its NICs") {
  const Cluster cluster = shipped("dgx-a100", 2);
  CHECK(names(cluster, 0, 8)[1] == "node0.pcie_switch0 -> node0.nic0");
  CHECK(names(cluster, 1, 9)[1] == "node0.pcie_switch0 -> node0.nic1");
  CHECK(names(cluster, 7, 15)[1] == "node0.pcie_switch3 -> node0.nic7");
  CHECK(us(cluster.route(0, 1)) == Approx(2 * 6));
  CHECK(us(cluster.route(0, 8)) == Approx(4 * 5.5 + 2 * 2));
  CHECK(gb(cluster.route(0, 8)) == Approx(23));
}

TEST_CASE("A800 and H800 have the numbers measured on them") {
  const Cluster a800 = shipped("a800", 2);
  CHECK(us(a800.route(0, 1)) == Approx(15));
  CHECK(gb(a800.route(0, 1)) == Approx(152));
  CHECK(us(a800.route(0, 8)) == Approx(4 * 6 + 2 * 2));
  CHECK(gb(a800.route(0, 8)) == Approx(22.4));
  const Cluster h800 = shipped("h800", 2);
  CHECK(us(h800.route(0, 1)) == Approx(10.5));
  CHECK(gb(h800.route(0, 1)) == Approx(162));
  CHECK(us(h800.route(0, 8)) == Approx(4 * 5 + 2 * 2));
  CHECK(gb(h800.route(0, 8)) == Approx(22.9));
}

TEST_CASE("GB200: 72 GPUs on one NVLink fabric, a NIC each behind the Grace CPU") {
  const Cluster cluster = shipped("gb200-nvl72", 2);
  CHECK(cluster.gpus() == 144);
  CHECK(names(cluster, 0, 71) ==
        Names{"node0.gpu0 -> node0.nvswitch0", "node0.nvswitch0 -> node0.gpu71"});
  CHECK(names(cluster, 3, 72) == Names{"node0.gpu3 -> node0.cpu1", "node0.cpu1 -> node0.nic3",
                                       "node0.nic3 -> leaf0", "leaf1 -> node1.nic0",
                                       "node1.nic0 -> node1.cpu0", "node1.cpu0 -> node1.gpu0"});
  CHECK(us(cluster.route(3, 72)) == Approx(4 * 4.5 + 2 * 1.5 + 2 * 0.5));
  CHECK(gb(cluster.route(3, 72)) == Approx(47.5));
}

TEST_CASE("L20: PCIe switch, socket, other socket; the NIC of the socket") {
  const Cluster cluster = shipped("l20x8-pcie", 2);
  CHECK(names(cluster, 0, 1) ==
        Names{"node0.gpu0 -> node0.pcie_switch0", "node0.pcie_switch0 -> node0.gpu1"});
  CHECK(us(cluster.route(0, 2)) == Approx(4 * 5.5));
  CHECK(names(cluster, 0, 7) ==
        Names{"node0.gpu0 -> node0.pcie_switch0", "node0.pcie_switch0 -> node0.cpu0",
              "node0.cpu0 -> node0.cpu1", "node0.cpu1 -> node0.pcie_switch3",
              "node0.pcie_switch3 -> node0.gpu7"});
  CHECK(us(cluster.route(0, 7)) == Approx(4 * 5.5 + 1));
  CHECK(gb(cluster.route(0, 7)) == Approx(22));
  CHECK(names(cluster, 6, 8)[3] == "node0.pcie_switch2 -> node0.nic1");
  CHECK(gb(cluster.route(6, 8)) == Approx(22.4));
}

TEST_CASE("A single GPU has no links and a route to itself alone") {
  const Cluster cluster = shipped("single-gpu", 1);
  CHECK(cluster.gpus() == 1);
  CHECK(cluster.links().empty());
  CHECK(cluster.route(0, 0).links.empty());
  CHECK(cluster.route(0, 0).latency_s == 0);
}

TEST_CASE("NVLink is taken even when PCIe has less latency") {
  const std::vector<Override> slow{{"nvlink.latency_s", "1e-3"}};
  CHECK(names(shipped("dgx-h100", 1, slow), 0, 1)[0] == "node0.gpu0 -> node0.nvswitch0");
}

TEST_CASE("PCIe ways do not run through other GPUs") {
  // gpu0 = gpu1 by NVLink, gpu1 - cpu0 - gpu2 by PCIe; gpu0 reaches gpu2 by its own PCIe link to
  // cpu1 and the socket, not through gpu1.
  json::Value value = test::toy_json();
  value["node"]["devices"] = {{"gpu", 3}, {"cpu", 2}};
  value["node"]["links"] = json::Value::parse(R"([["gpu0", "gpu1", "nvlink"],
    ["gpu[1-2]", "cpu0", "pcie"], ["gpu0", "cpu1", "pcie"], ["cpu0", "cpu1", "socket"]])");
  value.erase("network");
  const Cluster cluster = build_ok(test::read_ok(value), 1);
  CHECK(names(cluster, 0, 1) == Names{"node0.gpu0 -> node0.gpu1"});
  CHECK(names(cluster, 0, 2) ==
        Names{"node0.gpu0 -> node0.cpu1", "node0.cpu1 -> node0.cpu0", "node0.cpu0 -> node0.gpu2"});
}

TEST_CASE("Ways out of a node are stored for every rail, once without rails") {
  json::Value value = test::toy_json();
  const auto pieces = [&] {
    const Result<NodeRoutes> routes = node_routes(test::read_ok(value), true);
    REQUIRE(routes);
    CHECK(routes->leaving(1, 1).rail == 1);  // GPU 1 is nearest to NIC 1
    return routes->up.size();
  };
  CHECK(pieces() == 2 * 2);
  value["network"]["rails"] = false;
  CHECK(pieces() == 2);
}

TEST_CASE("Of equally short ways the one through the first device") {
  json::Value value = test::toy_json();
  value["node"]["devices"] = {{"gpu", 2}, {"pcie_switch", 3}};
  value["node"]["links"] = json::Value::parse(
      R"([["gpu[0-1]", "pcie_switch2", "pcie"], ["gpu[0-1]", "pcie_switch1", "pcie"]])");
  value.erase("network");
  const Cluster cluster = build_ok(test::read_ok(value), 1);
  CHECK(names(cluster, 0, 1) ==
        Names{"node0.gpu0 -> node0.pcie_switch1", "node0.pcie_switch1 -> node0.gpu1"});
}

}  // namespace hsap
