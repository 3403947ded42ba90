#include <limits>

#include "support/toy_cluster.hpp"

// Bad cluster and runtime files: each error says where, what was found and what was expected.
namespace hsap {
namespace {

using test::toy_json;

/// The error of reading a file, or of building `nodes` nodes of it.
std::string error_of(const json::Value& value, int nodes = 1,
                     std::span<const Override> overrides = {}) {
  const Result<ClusterSpec> spec = read_cluster(value, "toy.json", overrides);
  if (!spec) {
    CHECK(spec.error().kind == ErrorKind::bad_input);
    return spec.error().text();
  }
  const Result<Cluster> cluster = Cluster::build(*spec, nodes);
  if (cluster) return "no error";
  CHECK(cluster.error().kind == ErrorKind::bad_input);
  return cluster.error().text();
}

/// The toy file with one member, named by JSON pointer, replaced.
json::Value with(const std::string& pointer, const json::Value& value) {
  json::Value root = toy_json();
  root[json::Value::json_pointer(pointer)] = value;
  return root;
}

std::string link_error(const json::Value& link) { return error_of(with("/node/links/0", link)); }

}  // namespace

TEST_CASE("The toy file itself is fine") { CHECK(error_of(toy_json(), 4) == "no error"); }

TEST_CASE("Numbers of links must be finite and positive") {
  CHECK(error_of(with("/nic/bandwidth_bytes_per_s", -1)) ==
        "toy.json: /nic/bandwidth_bytes_per_s: out of range; found -1, expected a finite number "
        "above 0");
  CHECK(error_of(with("/pcie/latency_s", -1e-6)) ==
        "toy.json: /pcie/latency_s: out of range; found -1e-06, expected a number from 0 to 1");
  CHECK(error_of(with("/nvlink/bandwidth_bytes_per_s", "fast")) ==
        "toy.json: /nvlink/bandwidth_bytes_per_s: wrong type; found \"fast\", expected a finite "
        "number above 0");
  CHECK(error_of(with("/nic/bandwidth_bytes_per_s", std::numeric_limits<double>::quiet_NaN())) !=
        "no error");
  CHECK(error_of(with("/nic/bandwidth_bytes_per_s", std::numeric_limits<double>::infinity())) !=
        "no error");
}

TEST_CASE("A reduction inside switches needs a switch") {
  CHECK(error_of(with("/node/in_switch", 1.5)) ==
        "toy.json: /node/in_switch: out of range; found 1.5, expected a number from 0 to 1");
  json::Value switchless = toy_json();
  switchless["node"]["in_switch"] = 0.85;
  switchless["node"]["devices"].erase("nvswitch");
  switchless["node"]["links"] = json::Value::array();
  CHECK(error_of(switchless) ==
        "toy.json: /node/in_switch: a reduction inside no switch; found no "
        "'nvswitch' in devices, expected 0 or left out");
  CHECK(error_of(with("/device/channel_bytes_per_s", -1)).find("/device/channel_bytes_per_s") !=
        std::string::npos);
}

TEST_CASE("NaN and infinity do not pass by way of --set") {
  for (const char* text : {"nan", "inf", "-inf", "1e999", "fast", "", "1e9x"}) {
    const std::vector<Override> changes{{"nic.bandwidth_bytes_per_s", text}};
    CHECK(error_of(toy_json(), 1, changes) == "bad --set nic.bandwidth_bytes_per_s; found '" +
                                                  std::string(text) +
                                                  "', expected a finite number");
  }
  const std::vector<Override> zero{{"nic.bandwidth_bytes_per_s", "0"}};
  CHECK(error_of(toy_json(), 1, zero).find("/nic/bandwidth_bytes_per_s: out of range") !=
        std::string::npos);
}

TEST_CASE("An unknown path of --set lists near misses") {
  const auto error = [](const char* path) {
    const std::vector<Override> typo{{path, "1e9"}};
    return error_of(toy_json(), 1, typo);
  };
  CHECK(error("nic.bandwith_bytes_per_s") ==
        "--set: no such value; found 'nic.bandwith_bytes_per_s', expected "
        "'nic.bandwidth_bytes_per_s'");
  CHECK(error("nic.speed") ==
        "--set: no such value; found 'nic.speed', expected 'nic.bandwidth_bytes_per_s', "
        "'nic.latency_s' or 'nic.ramp_bytes'");
  CHECK(error("nik.bandwidth_bytes_per_s").find("'nic.bandwidth_bytes_per_s'") !=
        std::string::npos);
}

TEST_CASE("A way of too many links is refused") {
  json::Value root = toy_json();
  root["node"]["devices"] = {{"gpu", 2}, {"cpu", 64}};
  root["node"]["links"] = json::Value::parse(R"([["cpu[0-62]", "cpu[1-63]", "socket"],
    ["gpu[0-1]", "cpu[0,63]", "pcie"]])");
  root.erase("network");
  CHECK(error_of(root) ==
        "toy.json: /node/links: way too long; found 65 links from gpu0 to gpu1, expected at most "
        "64 links");
}

TEST_CASE("Unknown keys name what was meant") {
  CHECK(error_of(with("/nik", json::Value::object())) ==
        "toy.json: /nik: unknown key; found 'nik', expected 'nic'");
  CHECK(error_of(with("/network/rail", true)) ==
        "toy.json: /network/rail: unknown key; found 'rail', expected 'rails'");
  CHECK(error_of(with("/node/devices/gpus", 8)) ==
        "toy.json: /node/devices/gpus: unknown key; found 'gpus', expected 'gpu' or 'cpu'");
  CHECK(error_of(with("/device/forward/tile", 8)).find("/device/forward/tile: unknown key") !=
        std::string::npos);
}

TEST_CASE("Missing members and wrong types") {
  json::Value root = toy_json();
  root.erase("device");
  CHECK(error_of(root) == "toy.json: /device: missing key; found nothing, expected 'device'");
  CHECK(error_of(with("/node", 3)) == "toy.json: /node: wrong type; found 3, expected an object");
  CHECK(error_of(with("/node/links", "gpu0")) ==
        "toy.json: /node/links: wrong type; found \"gpu0\", expected an array of links");
  CHECK(error_of(with("/schema", "hsap.cluster/2")) ==
        "toy.json: /schema: wrong schema; found 'hsap.cluster/2', expected 'hsap.cluster/1'");
  CHECK(error_of(json::Value::array()) ==
        "toy.json: /: wrong type; found an array of 0, expected an object");
}

TEST_CASE("Links: malformed entries") {
  CHECK(link_error(3) ==
        "toy.json: /node/links/0: malformed link; found 3, expected [\"from\", \"to\", \"class\"] "
        "or [\"from\", \"to\", \"class\", lanes]");
  CHECK(link_error({"gpu0", "gpu1"}).find("malformed link") != std::string::npos);
  CHECK(link_error({"gpu0", "gpu1", "nvlnk"}) ==
        "toy.json: /node/links/0: unknown link class; found \"nvlnk\", expected 'nvlink', 'pcie', "
        "'socket' or 'nic'");
  CHECK(link_error({"gpu0", "gpu1", "fabric"}).find("unknown link class") != std::string::npos);
  for (const json::Value& lanes :
       {json::Value(0), json::Value(-1), json::Value(1e9), json::Value("two")}) {
    CHECK(link_error({"gpu0", "gpu1", "nvlink", lanes}).find("bad number of lanes") !=
          std::string::npos);
  }
  CHECK(link_error({"gpu[0-1]", "gpu[1,0]", "nvlink"}) == "no error");
  for (const json::Value& link :
       {json::Value{"gpu0", "gpu0", "nvlink"}, json::Value{"gpu[0]", "gpu0", "nvlink", 2},
        json::Value{"gpu[0-1]", "gpu0", "nvlink"}}) {
    CHECK(link_error(link) ==
          "toy.json: /node/links/0: a device linked to itself; found 'gpu0', expected two devices");
  }
}

TEST_CASE("Links: names and ranges") {
  CHECK(link_error({"gpu[0-2]", "nvswitch0", "nvlink"}) ==
        "toy.json: /node/links/0: no such device; found 'gpu2', expected 'gpu0', 'gpu1' or 'cpu0'");
  CHECK(link_error({"tpu7", "nvswitch0", "nvlink"}).find("no such device") != std::string::npos);
  for (const char* range : {"gpu[1-0]", "gpu[", "gpu[]", "gpu[a]", "gpu[0-]", "gpu[-1]", "gpu[0:0]",
                            "gpu[0-1:0]", "gpu[0,]", "gpu[0]x", "gpu[99999999999]", "gpu[0-1"}) {
    INFO(range);
    CHECK(link_error({range, "nvswitch0", "nvlink"}).find("malformed device range") !=
          std::string::npos);
  }
  for (const char* range : {"gpu[0,0]", "gpu[0-1,0-1]", "gpu[1,0-1]"}) {
    INFO(range);
    CHECK(link_error({range, "nvswitch0", "nvlink"}).find("device named twice; found 'gpu") !=
          std::string::npos);
  }
  json::Value root = with("/node/devices/gpu", 3);
  CHECK(error_of(root).find("no error") == std::string::npos);  // gpu2 is nowhere linked
  root["node"]["links"][1] = {"gpu[0-2]", "pcie_switch[0-1]", "pcie"};
  CHECK(error_of(root) ==
        "toy.json: /node/links/1: ranges do not match; found 3 and 2 devices, expected equal "
        "counts, or one a multiple of the other");
}

TEST_CASE("A link class needs its numbers") {
  json::Value root = toy_json();
  root.erase("socket");
  CHECK(error_of(root) ==
        "toy.json: /node/links/4: link class without numbers; found \"socket\", expected an object "
        "'socket' beside 'node'");
  root = toy_json();
  root.erase("nic");
  CHECK(error_of(root) == "toy.json: /nic: missing key; found nothing, expected 'nic'");
  root = with("/node/devices/nic", 0);
  root["node"]["links"].erase(2);
  CHECK(error_of(root) ==
        "toy.json: /network: a network without NICs; found no 'nic' in /node/devices");
}

TEST_CASE("A disconnected graph names the two GPUs without a way") {
  json::Value root = toy_json();
  root["node"]["links"].erase(4);  // the socket link
  root["node"]["links"].erase(0);  // NVLink
  CHECK(error_of(root) ==
        "toy.json: /node/links: disconnected graph; found no way from gpu0 to gpu1, expected links "
        "that join all GPUs of a node");
}

TEST_CASE("Disconnected between nodes") {
  json::Value root = toy_json();
  root["node"]["links"].erase(2);  // no NIC is joined to anything
  CHECK(error_of(root, 1) == "no error");
  CHECK(error_of(root, 2) ==
        "toy.json: /node/links: disconnected graph; found no way from node0.gpu0 to node1.gpu0, "
        "expected a NIC that every GPU can reach");
  root = toy_json();
  root.erase("fabric");
  CHECK(error_of(root, 2) == "no error");
  CHECK(error_of(root, 3).find("no way from node0.gpu0 to node2.gpu0") != std::string::npos);
  root["node"]["links"].erase(0);  // no NVLink to change rails
  CHECK(error_of(root, 2).find("no way from node0.gpu0 to node1.gpu1") != std::string::npos);
}

TEST_CASE("Sizes are bounded before anything is allocated") {
  CHECK(error_of(with("/node/devices/gpu", 1e9)) ==
        "toy.json: /node/devices/gpu: out of range; found 1000000000.0, expected an integer from 1 "
        "to 1024");
  CHECK(error_of(with("/node/devices/gpu", 0)).find("expected an integer from 1 to 1024") !=
        std::string::npos);
  CHECK(error_of(with("/node/devices/gpu", 2.5)).find("wrong type") != std::string::npos);
  json::Value root = with("/node/devices/cpu", 4000);
  root["node"]["devices"]["nvswitch"] = 4000;
  CHECK(error_of(root).find("/node/devices: too many devices; found 8006") != std::string::npos);
  root = with("/node/devices/cpu", 4000);
  root["node"]["links"].push_back({"cpu[0-3999]", "cpu[0-3999]", "socket"});
  CHECK(error_of(root).find("too many links") != std::string::npos);
  CHECK(error_of(toy_json(), 32769) ==
        "toy.json: number of nodes out of range; found 32769, expected from 1 to 32768 nodes");
  CHECK(error_of(toy_json(), 0).find("number of nodes out of range") != std::string::npos);
  CHECK(error_of(with("/network/max_nodes", 4), 5) ==
        "toy.json: number of nodes out of range; found 5, expected from 1 to 4 nodes");
  root = with("/node/devices/gpu", 1024);
  root["node"]["links"][0] = {"gpu[0-1023]", "gpu[0-1023]", "nvlink"};
  CHECK(error_of(root).find("too many links") != std::string::npos);
}

TEST_CASE("A machine without a network stands alone") {
  json::Value root = toy_json();
  root.erase("network");
  CHECK(error_of(root, 1) == "no error");
  CHECK(error_of(root, 2) == "toy.json: number of nodes out of range; found 2, expected 1 node");
}

TEST_CASE("Clusters are found by name or path") {
  const Result<ClusterSpec> typo = load_cluster("dgx-h10");
  REQUIRE_FALSE(typo);
  CHECK(typo.error().text().find("'dgx-h100'") != std::string::npos);
  CHECK_FALSE(load_cluster("no/such/file.json"));
}

}  // namespace hsap
