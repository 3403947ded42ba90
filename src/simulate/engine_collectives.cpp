#include <algorithm>

#include "simulate/engine.hpp"

/// Collectives: rings that run when every member has started, and end for all members at once.
namespace hsap {
namespace {

/// A step inside a running ring against the latency of a fresh message: NCCL plans 3.4 us for a
/// hop over NVLink and 14 us over the network where whole messages take about 12 and 22 us.
constexpr double node_hop = 0.3;
constexpr double network_hop = 0.6;

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
  if (collective.messages.count == 0) {
    const double copying = 2 * collective.copied_bytes / in_.machine.memory_bandwidth_bytes_per_s;
    return end_members(copy, collective, copying);
  }
  const double begin = now_ + ring_latency_s(copy, collective);
  for (Index i = 0; i < collective.messages.count; ++i) {
    const Index message = collective.messages.first + i;
    queue_.push(begin, Event::Kind::latency_over, copy * messages_ + message);
  }
}

/// The slowest first message, and a hop for each of the other n - 2 steps of the data around the
/// ring; with several rings side by side each has one edge into the next node.
double Engine::ring_latency_s(std::uint32_t copy, const Collective& collective) const {
  double first = 0;
  double hops = 0;
  const Index edges = collective.messages.count;
  for (Index i = 0; i < edges; ++i) {
    const Route& route = route_of(copy * messages_ + collective.messages.first + i);
    first = std::max(first, route.latency_s);
    hops += route.latency_s * (route.inter_node ? network_hop : node_hop);
  }
  return first + hops / edges * (collective.members.count - 2);
}

void Engine::collective_message_done(std::uint32_t message) {
  const std::uint32_t copy = message / messages_;
  const Index number = message_at(message).collective;
  Gathering& gathering = gatherings_[copy * in_.traffic.collectives.size() + number];
  if (--gathering.moving == 0) end_members(copy, in_.traffic.collectives[number], 0);
}

void Engine::end_members(std::uint32_t copy, const Collective& collective, double delay_s) {
  for (Index i = 0; i < collective.members.count; ++i) {
    const Index op = in_.traffic.members[collective.members.first + i];
    queue_.push(now_ + delay_s, Event::Kind::exchange_end, lane_running(copy, op));
  }
}

}  // namespace hsap
