#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "simulate/traffic/machine.hpp"

namespace hsap::test {

/// A machine wired by hand, with round numbers. Node i has GPUs i*g .. i*g+g-1 around a switch and
/// one NIC that they share.
struct Wires {
  int nodes = 1;
  int gpus_per_node = 4;
  double link_bytes_per_s = 100;   ///< of each GPU into and out of its switch
  double nic_bytes_per_s = 100;    ///< of each NIC, each direction
  double spine_bytes_per_s = 1e9;  ///< shared by everything that leaves a node
  double latency_s = 0;            ///< of every message
  double ramp_bytes = 0;
  double memory_bytes_per_s = 1000;
  int multiprocessors = 5;

  [[nodiscard]] LinkId out(int gpu) const { return static_cast<LinkId>(2 * gpu); }
  [[nodiscard]] LinkId in(int gpu) const { return static_cast<LinkId>(2 * gpu + 1); }
  [[nodiscard]] LinkId nic_out(int node) const { return out(nodes * gpus_per_node + node); }
  [[nodiscard]] LinkId nic_in(int node) const { return in(nodes * gpus_per_node + node); }
  [[nodiscard]] LinkId spine() const { return nic_out(nodes); }

  [[nodiscard]] std::vector<LinkId> path(int from, int to) const {
    const int a = from / gpus_per_node;
    const int b = to / gpus_per_node;
    if (from == to) return {};
    if (a == b) return {out(from), in(to)};
    return {out(from), nic_out(a), spine(), nic_in(b), in(to)};
  }
};

inline Machine wire(const Wires& wires) {
  Machine machine;
  machine.gpus = wires.nodes * wires.gpus_per_node;
  machine.gpus_per_node = wires.gpus_per_node;
  machine.memory_bandwidth_bytes_per_s = wires.memory_bytes_per_s;
  machine.multiprocessors = wires.multiprocessors;
  machine.links.assign(wires.nic_out(0), wires.link_bytes_per_s);
  machine.links.resize(wires.spine(), wires.nic_bytes_per_s);
  machine.links.push_back(wires.spine_bytes_per_s);
  auto paths = std::make_shared<std::vector<std::vector<LinkId>>>();
  for (int from = 0; from < machine.gpus; ++from) {
    for (int to = 0; to < machine.gpus; ++to) paths->push_back(wires.path(from, to));
  }
  machine.route = [paths, wires, links = machine.links, gpus = machine.gpus](int from, int to) {
    const std::vector<LinkId>& path = (*paths)[static_cast<std::size_t>(from * gpus + to)];
    Route route;
    route.links = LinkPath({path, 0});
    route.latency_s = wires.latency_s;
    route.ramp_bytes = wires.ramp_bytes;
    route.bandwidth_bytes_per_s = 1e12;
    for (const LinkId link : path) {
      route.bandwidth_bytes_per_s = std::min(route.bandwidth_bytes_per_s, links[link]);
    }
    route.inter_node = from / wires.gpus_per_node != to / wires.gpus_per_node;
    return route;
  };
  return machine;
}

}  // namespace hsap::test
