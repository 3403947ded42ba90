#include <algorithm>

#include "simulate/engine/engine.hpp"

/// Collectives run when every member has started, and end for all members at once.
namespace hsap {
namespace {

/// Against the latency of a fresh message, of 12 us over NVLink and 22 us over the network: NCCL
/// plans 8.4 us for the start of a ring, 3.4 us for a hop over NVLink and 14 us over the network.
constexpr double beginning = 0.7;
constexpr double node_hop = 0.3;
constexpr double network_hop = 0.6;
/// From the GPUs of a node into its switches or back: all-reduces of 16 to 128 MB on 8 H100 and
/// H200 take 60 to 90 us more than their bytes.
constexpr double switch_hop = 3.5;

}  // namespace

void Engine::start_collective(std::uint32_t lane) {
  const std::uint32_t copy = copy_of(lane);
  const Index collective = in_.traffic.parts_of(lanes_[lane].head).front();
  units_[unit_of(lane)].clock.communication(now_, 1);
  mark_changed(unit_of(lane));
  Gathering& gathering = gatherings_[copy * in_.traffic.collectives.size() + collective];
  if (--gathering.missing == 0) launch(copy, collective);
}

void Engine::launch(std::uint32_t copy, Index number) {
  const Collective& collective = in_.traffic.collectives[number];
  if (collective.messages.count == 0) return end_members(copy, number);
  const double begin = now_ + collective_latency_s(copy, collective);
  for (Index i = 0; i < collective.messages.count; ++i) {
    const Index message = collective.messages.first + i;
    queue_.push(begin, Event::Kind::latency_over, copy * messages_ + message);
  }
}

/// Ring: the slowest first message, and a hop for each further step of the data; with several rings
/// side by side each has one edge into the next node. In-switch: up and down in the node, and whole
/// messages up and down the tree of nodes.
double Engine::collective_latency_s(std::uint32_t copy, const Collective& collective) const {
  double node_s = 0;
  double network_s = 0;
  double hops_s = 0;
  const Index edges = collective.messages.count;
  for (Index i = 0; i < edges; ++i) {
    const Route route = route_of(copy * messages_ + collective.messages.first + i);
    double& slowest_s = route.inter_node ? network_s : node_s;
    slowest_s = std::max(slowest_s, route.latency_s);
    hops_s += route.latency_s * (route.inter_node ? network_hop : node_hop);
  }
  const double start_s = beginning * (node_s > 0 ? node_s : network_s);
  if (collective.in_switch) {
    return start_s + 2 * switch_hop * node_s + network_s * collective.hops;
  }
  return start_s + std::max(node_s, network_s) + hops_s / edges * collective.hops;
}

void Engine::collective_message_done(std::uint32_t message) {
  const std::uint32_t copy = message / messages_;
  const Index number = message_at(message).collective;
  Gathering& gathering = gatherings_[copy * in_.traffic.collectives.size() + number];
  if (--gathering.moving == 0) end_members(copy, number);
}

void Engine::end_members(std::uint32_t copy, Index number) {
  const double memory_s =
      in_.traffic.collectives[number].memory_bytes / in_.machine.memory_bandwidth_bytes_per_s;
  for (const Index op : in_.traffic.meetings.members_of(number)) {
    queue_.push(now_ + memory_s, Event::Kind::exchange_end, lane_running(copy, op));
  }
}

}  // namespace hsap
