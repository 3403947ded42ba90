// Routes inside random nodes against a reference that relaxes all links until nothing changes.
#include <catch2/catch.hpp>
#include <limits>
#include <random>

#include "hsap/cluster.hpp"

using namespace hsap;

namespace {

using Kind = ClusterSpec::DeviceKind;
constexpr double infinity = std::numeric_limits<double>::infinity();

/// 2-4 GPUs and 1-5 other devices with links of whole microseconds between random pairs.
ClusterSpec random_node(std::mt19937_64& random) {
  const auto pick = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  ClusterSpec spec;
  spec.max_nodes = 1;
  for (int c = 0; c < link_classes; ++c) {
    spec.curves[c] = {1e9 * pick(1, 9), 1e-6 * pick(1, 5), 100.0 * pick(0, 9)};
  }
  const int gpus = pick(2, 4);
  const int others = pick(1, 5);
  for (int i = 0; i < gpus; ++i) spec.devices.push_back({"gpu" + std::to_string(i), Kind::gpu});
  for (int i = 0; i < others; ++i) {
    spec.devices.push_back({"d" + std::to_string(i), static_cast<Kind>(pick(1, 4))});
  }
  const int devices = gpus + others;
  for (int i = pick(devices, 3 * devices); i > 0; --i) {
    const int from = pick(0, devices - 1);
    const int to = pick(0, devices - 1);
    if (from != to) spec.links.push_back({from, to, static_cast<LinkClass>(pick(0, 2)), 1});
  }
  return spec;
}

double latency_of(const ClusterSpec& spec, const ClusterSpec::NodeLink& link) {
  return spec.curves[static_cast<int>(link.link_class)].latency_s;
}

/// Least latency from one device to all. Over NVLink alone every device passes data on; otherwise
/// GPUs and NICs do not, but for the sender.
std::vector<double> reference(const ClusterSpec& spec, int from, bool nvlink_only) {
  std::vector<double> latency(spec.devices.size(), infinity);
  latency[static_cast<std::size_t>(from)] = 0;
  const auto relax = [&](int a, int b, const ClusterSpec::NodeLink& link) {
    const Kind kind = spec.devices[static_cast<std::size_t>(a)].kind;
    const bool end = kind == Kind::gpu || kind == Kind::nic;
    if (nvlink_only ? link.link_class != LinkClass::nvlink : end && a != from) return;
    double& best = latency[static_cast<std::size_t>(b)];
    best = std::min(best, latency[static_cast<std::size_t>(a)] + latency_of(spec, link));
  };
  for (std::size_t round = 0; round < spec.devices.size(); ++round) {
    for (const ClusterSpec::NodeLink& link : spec.links) {
      relax(link.from, link.to, link);
      relax(link.to, link.from, link);
    }
  }
  return latency;
}

/// Checks one route: least latency, the sum of its links, one link after the other.
void check_route(const ClusterSpec& spec, const Cluster& cluster, int from, int to) {
  const double nvlink = reference(spec, from, true)[static_cast<std::size_t>(to)];
  const double all = reference(spec, from, false)[static_cast<std::size_t>(to)];
  const Route route = cluster.route(from, to);
  REQUIRE(route.latency_s == Approx(nvlink < infinity ? nvlink : all).margin(1e-12));
  double latency = 0;
  double bandwidth = infinity;
  double ramp_s = 0;
  auto at = static_cast<std::uint32_t>(from);
  for (const LinkId id : route.links) {
    const Link& link = cluster.links()[id];
    REQUIRE(link.from == at);
    at = link.to;
    const LinkCurve& curve = spec.curves[static_cast<int>(link.link_class)];
    latency += curve.latency_s;
    bandwidth = std::min(bandwidth, curve.bandwidth_bytes_per_s);
    ramp_s = std::max(ramp_s, curve.ramp_bytes / curve.bandwidth_bytes_per_s);
  }
  REQUIRE(at == static_cast<std::uint32_t>(to));
  REQUIRE(route.latency_s == Approx(latency).margin(1e-12));
  REQUIRE(route.bandwidth_bytes_per_s == bandwidth);
  if (from != to) REQUIRE(route.ramp_bytes == Approx(ramp_s * bandwidth));
}

bool connected(const ClusterSpec& spec) {
  for (int from = 0; from < spec.gpus_per_node(); ++from) {
    const auto nvlink = reference(spec, from, true);
    const auto all = reference(spec, from, false);
    for (int to = 0; to < spec.gpus_per_node(); ++to) {
      const auto i = static_cast<std::size_t>(to);
      if (std::min(nvlink[i], all[i]) == infinity) return false;
    }
  }
  return true;
}

}  // namespace

TEST_CASE("Routes inside random nodes are shortest, and errors only where there is no way") {
  std::mt19937_64 random(20);
  int built = 0;
  constexpr int cases = 2000;
  for (int i = 0; i < cases; ++i) {
    const ClusterSpec spec = random_node(random);
    const Result<Cluster> cluster = Cluster::build(spec, 1);
    INFO("case " << i);
    REQUIRE(cluster.ok() == connected(spec));
    if (!cluster) continue;
    ++built;
    for (int from = 0; from < cluster->gpus(); ++from) {
      for (int to = 0; to < cluster->gpus(); ++to) check_route(spec, *cluster, from, to);
    }
  }
  CHECK(built > cases / 4);
  CHECK(built < cases);
}
