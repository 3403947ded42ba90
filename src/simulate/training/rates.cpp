#include "simulate/training/rates.hpp"

#include <algorithm>
#include <cmath>
#include <map>

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

/// What the uplinks of a leaf's nodes carry when `nodes` of them send to other leaves, for each.
double uplink_bytes_per_s(const Cluster& cluster, int nodes) {
  const ClusterSpec& spec = cluster.spec();
  const int below = std::min(spec.nodes_per_leaf, cluster.nodes());
  return node_nics(spec) * below / spec.oversubscription / std::min(nodes, below);
}

/// Messages of one byte between GPUs of a node, all at once, and what they take: as long as the
/// busiest link.
class SharedLinks {
 public:
  explicit SharedLinks(const Cluster& cluster) : cluster_(cluster) {}

  void add(int from, int to) {
    const Route route = cluster_.route(from, to);
    slowest_s_ = std::max(slowest_s_, 1 / route.bandwidth_bytes_per_s);
    for (const LinkId link : route.links) {
      const int shared = ++messages_[link];
      slowest_s_ = std::max(slowest_s_, shared / cluster_.links()[link].bandwidth_bytes_per_s);
    }
  }
  [[nodiscard]] double seconds() const { return slowest_s_; }

 private:
  const Cluster& cluster_;
  std::map<LinkId, int> messages_;
  double slowest_s_ = 0;
};

/// Each GPU of a node sends a byte to the next of its ring of `gpus`, `stride` apart; rings that go
/// on in other nodes do not close in this one.
double ring_seconds(const Cluster& cluster, int gpus, int stride) {
  const int node = cluster.gpus_per_node();
  const int here = std::min(gpus, node / stride);
  SharedLinks links(cluster);
  for (int gpu = 0; gpu < node && here > 1; ++gpu) {
    const int place = gpu % (here * stride) / stride;
    const int next = place + 1 < here ? gpu + stride : gpu - place * stride;
    if (next < node && (next > gpu || here == gpus)) links.add(gpu, next);
  }
  return links.seconds();
}

/// Each GPU of a node sends a byte to each other of its `gpus`.
double all_pairs_seconds(const Cluster& cluster, int gpus) {
  const int node = cluster.gpus_per_node();
  SharedLinks links(cluster);
  for (int gpu = 0; gpu < node; ++gpu) {
    const int first = gpu / gpus * gpus;
    for (int to = first; to < std::min(first + gpus, node); ++to) {
      if (to != gpu) links.add(gpu, to);
    }
  }
  return links.seconds();
}

/// Pairs of a GPU here and one elsewhere, of the same group of `gpus`: for the node, or any other
/// block of consecutive GPUs, that has most of them.
double most_pairs_out(const Cluster& cluster, int gpus, int block) {
  const std::int64_t all = cluster.gpus();
  double most = 0;
  for (std::int64_t begin = 0; begin < all; begin += block) {
    const std::int64_t end = std::min(begin + block, all);
    double pairs = 0;
    for (std::int64_t first = begin / gpus * gpus; first < end; first += gpus) {
      const auto here = static_cast<double>(std::min(end, first + gpus) - std::max(begin, first));
      pairs += here * (gpus - here);
    }
    most = std::max(most, pairs);
    if (begin % gpus == 0 && block % gpus == 0) break;  // as all others
  }
  return most;
}

}  // namespace

Rates rates_of(const Cluster& cluster) {
  Rates rates;
  rates.gpu_links_bytes_per_s = gpu_links(cluster.spec());
  if (cluster.gpus_per_node() > 1) rates.gpu_pair_latency_s = cluster.route(0, 1).latency_s;
  if (cluster.nodes() > 1) {
    const double together = cluster.spec().node_bandwidth_bytes_per_s;
    const double nics = node_nics(cluster.spec());
    rates.node_bytes_per_s = together > 0 ? std::min(nics, together) : nics;
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
  // What every GPU hands on to the next of the ring.
  const double handed_on = bytes * missing(gpus);
  double slowest_s = handed_on * ring_seconds(cluster, gpus, stride);
  double latency_s = rates.gpu_pair_latency_s;
  if (nodes > 1) {
    // NCCL's rings leave a node at another of its GPUs each, so that each spares its links as much.
    const int here = std::max(1, node / stride);
    slowest_s *= missing(here);
    const double entering = handed_on * std::min(stride, node);
    slowest_s = std::max(slowest_s, entering / rates.node_bytes_per_s);
    // Of the nodes below a leaf, one hands on to the next leaf.
    if (nodes > cluster.spec().nodes_per_leaf) {
      slowest_s = std::max(slowest_s, entering / uplink_bytes_per_s(cluster, 1));
    }
    latency_s = std::max(latency_s, rates.node_latency_s);
  }
  return slowest_s + latency_s * std::ceil(std::log2(gpus));
}

double all_to_all_seconds(const Cluster& cluster, double bytes, int gpus) {
  if (gpus <= 1 || bytes <= 0) return 0;
  const Rates rates = rates_of(cluster);
  const int node = cluster.gpus_per_node();
  const double part = bytes / gpus;
  double slowest_s = part * all_pairs_seconds(cluster, std::min(gpus, node));
  double latency_s = rates.gpu_pair_latency_s;
  const double leaving = most_pairs_out(cluster, gpus, node);
  if (leaving > 0) {
    slowest_s = std::max(slowest_s, leaving * part / rates.node_bytes_per_s);
    // Uplinks of a leaf are shared by its nodes.
    const int below = std::min(cluster.spec().nodes_per_leaf, cluster.nodes());
    const double leaving_leaf = most_pairs_out(cluster, gpus, below * node);
    slowest_s = std::max(slowest_s, leaving_leaf * part / below /
                                        uplink_bytes_per_s(cluster, cluster.spec().nodes_per_leaf));
    latency_s = std::max(latency_s, rates.node_latency_s);
  }
  return slowest_s + latency_s;
}

double shifted_seconds(const Cluster& cluster, double bytes, int distance) {
  const int node = cluster.gpus_per_node();
  double slowest_s = 0;
  double latency_s = 0;
  if (distance < node) {
    SharedLinks links(cluster);
    for (int gpu = 0; gpu + distance < node; ++gpu) links.add(gpu, gpu + distance);
    slowest_s = links.seconds();
    latency_s = cluster.route(0, distance).latency_s;
  }
  if (cluster.nodes() == 1) return bytes * slowest_s + latency_s;
  // GPUs whose peer is in another node, at least the last ones of each, share the NICs of theirs,
  // and the uplinks of their leaf.
  double node_bytes_per_s = rates_of(cluster).node_bytes_per_s;
  const int away = (distance + node - 1) / node;
  if (cluster.nodes() > cluster.spec().nodes_per_leaf) {
    node_bytes_per_s = std::min(node_bytes_per_s, uplink_bytes_per_s(cluster, away));
  }
  const int leaving = std::min(distance, node);
  const Route route = cluster.route(node - 1, node - 1 + distance);
  const double rate = std::min(route.bandwidth_bytes_per_s, node_bytes_per_s / leaving);
  return bytes * std::max(slowest_s, 1 / rate) + std::max(latency_s, route.latency_s);
}

}  // namespace hsap
