#include "simulate/network/network.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

namespace hsap {

Network::Network(std::vector<double> bandwidths, const NetworkOptions& options)
    : options_(options),
      links_(bandwidths.size()),
      fillings_(bandwidths.size()),
      carried_(bandwidths.size(), 0.0) {
  for (std::size_t i = 0; i < bandwidths.size(); ++i) links_[i].bandwidth = bandwidths[i];
}

FlowId Network::new_slot() {
  if (free_.empty()) {
    flows_.emplace_back();
    ways_.emplace_back();
    tags_.push_back(0);
    return static_cast<FlowId>(flows_.size() - 1);
  }
  const FlowId id = free_.back();
  free_.pop_back();
  return id;
}

void Network::set_way(FlowId id, std::span<const LinkId> route) {
  Way& way = ways_[id];
  way.count = static_cast<std::uint16_t>(route.size());
  if (way.room < way.count) {
    way.room = way.count;
    way.first = static_cast<std::uint32_t>(hops_.size());
    hops_.insert(hops_.end(), route.begin(), route.end());
  } else {
    std::copy(route.begin(), route.end(), hops_.begin() + way.first);
  }
}

FlowId Network::start(double now, const FlowSpec& spec) {
  assert(spec.bytes > 0 && spec.cap_bytes_per_s > 0);
  const FlowId id = new_slot();
  set_way(id, spec.route);
  Flow& flow = flows_[id];
  flow = {};
  flow.cap = spec.cap_bytes_per_s;
  flow.remaining = spec.bytes;
  flow.since = flow.begin = now;
  flow.finish = std::numeric_limits<double>::infinity();
  flow.listed = ways_[id].count;
  flow.active = true;
  tags_[id] = spec.tag;
  heap_.push({flow.finish, next_age_++, id});
  for (const LinkId link : spec.route) carried_[link] += spec.bytes;
  join(id);
  return id;
}

/// Enters the flow on its links. Alone, or beside flows that leave it room for sure, it has its
/// rate at once; otherwise it waits for the next sharing.
void Network::join(FlowId id) {
  const Flow& flow = flows_[id];
  bool coupled = false;
  std::size_t group = 0;
  const std::span<const LinkId> hops = route(id);
  for (std::size_t i = 0; i < hops.size(); ++i) {
    LinkState& link = links_[hops[i]];
    const auto pass = [&link](LinkId& common, LinkId neighbour) {
      common = link.alive == 0 || common == neighbour ? neighbour : no_link;
    };
    pass(link.before, i > 0 ? hops[i - 1] : no_link);
    pass(link.after, i + 1 < hops.size() ? hops[i + 1] : no_link);
    link.flows.push_back(id);
    ++link.alive;
    link.caps += flow.cap;
    coupled = coupled || link.tight();
    group = std::max(group, link.group);
  }
  if (!coupled) return proceed(flow.begin, id, flow.cap, flow.speed);
  new_flows_.push_back(id);
  backlog_.begin(flow.begin);
  changed_group_ = std::max(changed_group_, group);
}

/// Takes the flow off its links and marks those whose other flows may now get more.
void Network::leave(double now, FlowId id) {
  Flow& flow = flows_[id];
  flow.active = false;
  if (flow.ending) backlog_.end_as_foreseen();
  if (flow.listed == 0) free_.push_back(id);
  std::size_t group = 0;
  bool loosened = false;
  for (const LinkId hop : route(id)) {
    LinkState& link = links_[hop];
    --link.alive;
    if (!flow.ending && link.tight() && link.alive > 0) {
      if (!std::exchange(link.loosened, true)) loosened_.push_back(hop);
      group = std::max(group, link.group);
      loosened = true;
    }
    link.caps -= flow.cap;
    if (link.alive == 0) link.caps = link.used = 0;
    if (link.flows.size() > 2 * std::size_t{link.alive} + 8) forget_ended(link);
  }
  if (!loosened) return;
  backlog_.end(now, flow.rate);
  changed_group_ = std::max(changed_group_, group);
}

/// Strikes the flows that have ended off the list of a link.
void Network::forget_ended(LinkState& link) {
  std::erase_if(link.flows, [&](FlowId id) {
    if (flows_[id].active) return false;
    if (--flows_[id].listed == 0) free_.push_back(id);
    return true;
  });
}

/// Books the bytes moved so far and goes on at a new rate.
void Network::proceed(double now, FlowId id, double rate, double speed) {
  Flow& flow = flows_[id];
  const double before = flow.rate * flow.speed;
  const double after = rate * speed;
  flow.rate = rate;
  flow.speed = speed;
  if (before == after) return;
  flow.remaining = std::max(0.0, flow.remaining - before * (now - flow.since));
  flow.since = now;
  flow.finish = now + flow.remaining / after;
  // A later finish is noticed when the old one comes up: most flows change again before that. Where
  // the whole heap is to be put in order, it costs nothing to know.
  if (heap_.changing() || flow.finish < heap_.key(id)) heap_.change(id, flow.finish);
  use_links(id, after - before);
}

void Network::set_speed(double now, FlowId flow, double speed) {
  if (std::exchange(flows_[flow].ending, false)) {
    new_flows_.push_back(flow);
    backlog_.begin(now);
  }
  if (flows_[flow].rate > 0) return proceed(now, flow, flows_[flow].rate, speed);
  flows_[flow].speed = speed;
}

double Network::next_finish(double now) {
  if (!backlog_.empty()) {
    if (may_wait()) {
      give_what_is_left(now);
    } else {
      share(now);
    }
  }
  if (options_.record_use) record_instant(now);
  while (!heap_.empty()) {
    const FlowId top = heap_.top();
    if (heap_.top_key() >= flows_[top].finish) return flows_[top].finish;
    heap_.change(top, flows_[top].finish);
  }
  return std::numeric_limits<double>::infinity();
}

void Network::finish(double now, std::vector<std::uint32_t>& tags) {
  // No flow that finishes later than one begun at 0 may end within the window.
  heap_.take(now / (1 - options_.window), due_);
  for (FlowHeap::Entry& entry : due_) entry.key = flows_[entry.flow].finish;
  std::sort(due_.begin(), due_.end());
  const auto ends = [&](const FlowHeap::Entry& entry) {
    const double finish = flows_[entry.flow].finish;
    return finish <= now + options_.window * (finish - flows_[entry.flow].begin);
  };
  const auto first_left = std::find_if_not(due_.begin(), due_.end(), ends);
  for (auto entry = due_.begin(); entry != first_left; ++entry) {
    const FlowId id = entry->flow;
    tags.push_back(tags_[id]);
    use_links(id, -flows_[id].rate * flows_[id].speed);
    leave(now, id);
  }
  for (auto entry = first_left; entry != due_.end(); ++entry) heap_.push(*entry);
  due_.clear();
}

/// Adds to the use of the flow's links; what stands at the end of the instant is kept.
void Network::use_links(FlowId id, double change) {
  for (const LinkId hop : route(id)) {
    LinkState& link = links_[hop];
    link.used += change;
    if (options_.record_use && !std::exchange(link.touched, true)) touched_.push_back(hop);
  }
}

void Network::record_instant(double now) {
  std::sort(touched_.begin(), touched_.end());
  for (const LinkId id : touched_) {
    LinkState& link = links_[id];
    link.touched = false;
    if (link.used == link.recorded) continue;
    link.recorded = link.used;
    use_.push_back({id, now, link.used});
  }
  touched_.clear();
}

}  // namespace hsap
