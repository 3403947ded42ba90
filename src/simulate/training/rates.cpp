#include "simulate/training/rates.hpp"

#include <algorithm>
#include <cmath>

namespace hsap {
namespace {

using Kind = ClusterSpec::DeviceKind;

/// Bandwidth of the best connected GPU's links in one direction.
double gpu_links(const ClusterSpec& spec) {
  double best = 0;
  for (std::size_t d = 0; d < spec.devices.size(); ++d) {
    if (spec.devices[d].kind != Kind::gpu) continue;
    double sum = 0;
    for (const ClusterSpec::NodeLink& link : spec.links) {
      if (link.from != static_cast<int>(d) && link.to != static_cast<int>(d)) continue;
      sum += link.count * spec.curves[static_cast<int>(link.link_class)].bandwidth_bytes_per_s;
    }
    best = std::max(best, sum);
  }
  return best;
}

double node_nics(const ClusterSpec& spec) {
  const auto nics = std::count_if(spec.devices.begin(), spec.devices.end(),
                                  [](const auto& device) { return device.kind == Kind::nic; });
  return static_cast<double>(nics) *
         spec.curves[static_cast<int>(LinkClass::nic)].bandwidth_bytes_per_s;
}

}  // namespace

Rates rates_of(const Cluster& cluster) {
  Rates rates;
  rates.gpu_links_bytes_per_s = gpu_links(cluster.spec());
  if (cluster.gpus_per_node() > 1) {
    const Route pair = cluster.route(0, 1);
    rates.gpu_pair_bytes_per_s = pair.bandwidth_bytes_per_s;
    rates.gpu_pair_latency_s = pair.latency_s;
  }
  if (cluster.nodes() > 1) {
    rates.node_bytes_per_s = node_nics(cluster.spec());
    rates.node_latency_s = cluster.route(0, cluster.gpus_per_node()).latency_s;
  }
  return rates;
}

double collective_seconds(const Cluster& cluster, double bytes, int gpus, int stride) {
  if (gpus <= 1 || bytes <= 0) return 0;
  const Rates rates = rates_of(cluster);
  const int node = cluster.gpus_per_node();
  const int nodes = std::min((gpus * stride + node - 1) / node, gpus);
  const auto missing = [](int parts) { return (parts - 1.0) / parts; };
  double slowest_s = node > 1 ? bytes * missing(gpus) / rates.gpu_pair_bytes_per_s : 0;
  double latency_s = rates.gpu_pair_latency_s;
  if (nodes > 1) {
    slowest_s = std::max(slowest_s,
                         bytes * std::min(stride, node) * missing(nodes) / rates.node_bytes_per_s);
    latency_s = std::max(latency_s, rates.node_latency_s);
  }
  return slowest_s + latency_s * std::ceil(std::log2(gpus));
}

double all_to_all_seconds(const Cluster& cluster, double bytes, int gpus) {
  if (gpus <= 1 || bytes <= 0) return 0;
  const Rates rates = rates_of(cluster);
  const int node = cluster.gpus_per_node();
  const double part = bytes / gpus;
  const int near = std::min(gpus, node) - 1;
  double slowest_s = near > 0 ? near * part / rates.gpu_pair_bytes_per_s : 0;
  double latency_s = rates.gpu_pair_latency_s;
  if (gpus > node) {
    slowest_s = std::max(slowest_s, node * (gpus - node) * part / rates.node_bytes_per_s);
    latency_s = std::max(latency_s, rates.node_latency_s);
  }
  return slowest_s + latency_s;
}

double shifted_seconds(const Cluster& cluster, double bytes, int distance) {
  const Route route = cluster.route(0, distance);
  double rate = route.bandwidth_bytes_per_s;
  const int node = cluster.gpus_per_node();
  // GPUs whose peer is in another node share the NICs of theirs.
  if (distance >= node) rate = std::min(rate, rates_of(cluster).node_bytes_per_s / node);
  return bytes / rate + route.latency_s;
}

}  // namespace hsap
