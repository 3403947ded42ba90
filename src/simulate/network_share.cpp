#include <algorithm>
#include <cassert>
#include <limits>

#include "simulate/network.hpp"

/// Max-min fair sharing by progressive filling: all rates rise together from zero; a flow stops
/// at its cap, and all flows of a link stop when the link is full.
namespace hsap {
namespace {

/// For a heap with the lowest level on top.
struct Later {
  template <typename Stop>
  bool operator()(const Stop& a, const Stop& b) const {
    return a.level > b.level || (a.level == b.level && a.key > b.key);
  }
};

/// Restores the heap after its first entry has risen: half the work of a pop and a push.
template <typename Stop>
void sink_first(std::vector<Stop>& heap) {
  if (heap.empty()) return;
  const Stop moving = heap.front();
  std::size_t at = 0;
  for (std::size_t child = 1; child < heap.size(); child = 2 * at + 1) {
    if (child + 1 < heap.size() && Later{}(heap[child], heap[child + 1])) ++child;
    if (!Later{}(moving, heap[child])) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moving;
}

}  // namespace

void Network::note_change(std::size_t group) {
  ++changes_;
  changed_group_ = std::max(changed_group_, group);
}

/// Sharing a large group costs as much as the group is large, so it waits for changes in
/// proportion.
bool Network::may_wait() const {
  const std::size_t group = std::min(changed_group_, active());
  return group > options_.exact_flows &&
         static_cast<double>(changes_) < options_.waiting_share * static_cast<double>(group);
}

/// Rates for new flows until the next sharing: what is left on their links, as when one takes the
/// place of one that ended, but not nothing.
void Network::give_what_is_left(double now) {
  for (; unrated_ < new_flows_.size(); ++unrated_) {
    const FlowId id = new_flows_[unrated_];
    const Flow& flow = flows_[id];
    if (!flow.active || flow.rate > 0) continue;
    double part = flow.cap;
    for (const Hop& hop : flow.route) {
      const LinkState& state = links_[hop.link];
      if (state.tight()) {
        const double equal = state.bandwidth / static_cast<double>(state.flows.size());
        part = std::min(part, std::max(state.bandwidth - state.used, equal / 4));
      }
    }
    proceed(now, id, part, flow.speed);
  }
}

void Network::share(double now) {
  collect_group();
  fill();
  for (const LinkId link : group_links_) links_[link].group = group_.size();
  for (const FlowId id : group_) proceed(now, id, flows_[id].share, flows_[id].speed);
  new_flows_.clear();
  loosened_.clear();
  unrated_ = changes_ = changed_group_ = 0;
}

/// Everything that the changes can reach through links that could be full.
void Network::collect_group() {
  ++visit_;
  group_.clear();
  group_links_.clear();
  for (const FlowId id : new_flows_) visit_flow(id);
  for (const LinkId id : loosened_) {
    for (const Rider& rider : links_[id].flows) visit_flow(rider.flow);
  }
  for (std::size_t i = 0; i < group_.size(); ++i) {
    for (const Hop& hop : flows_[group_[i]].route) visit_link(hop.link);
  }
}

void Network::visit_flow(FlowId id) {
  Flow& flow = flows_[id];
  if (!flow.active || flow.visit == visit_) return;
  flow.visit = visit_;
  flow.fixed = false;
  group_.push_back(id);
}

void Network::visit_link(LinkId id) {
  LinkState& link = links_[id];
  if (link.visit == visit_ || !link.tight()) return;
  link.visit = visit_;
  link.residual = link.bandwidth;
  link.unfixed = static_cast<std::uint32_t>(link.flows.size());
  if (!link.known) {
    link.known = true;
    link.before = common_neighbour(link, -1);
    link.after = common_neighbour(link, 1);
  }
  link.limits = !fills_later(id, link.before) && !fills_later(id, link.after);
  if (link.limits) group_links_.push_back(id);
  for (const Rider& rider : link.flows) visit_flow(rider.flow);
}

/// The link that all flows of a link pass right after it (step 1) or before it (-1), if any.
LinkId Network::common_neighbour(const LinkState& link, int step) const {
  const auto neighbour = [&](const Rider& rider) {
    const std::vector<Hop>& route = flows_[rider.flow].route;
    const std::size_t hop = rider.hop + static_cast<std::size_t>(step);
    return hop < route.size() ? route[hop].link : no_link;
  };
  const LinkId other = neighbour(link.flows.front());
  const bool common = std::all_of(link.flows.begin(), link.flows.end(),
                                  [&](const Rider& rider) { return neighbour(rider) == other; });
  return common ? other : no_link;
}

/// True when another link that all flows of a link pass fills no later, so that the link can be
/// left out. A PCIe switch before its NIC is the usual case.
bool Network::fills_later(LinkId id, LinkId other) const {
  if (other == no_link || links_[other].bandwidth > links_[id].bandwidth) return false;
  const bool twins = links_[other].bandwidth == links_[id].bandwidth &&
                     links_[other].flows.size() == links_[id].flows.size();
  return !twins || other < id;
}

void Network::fill() {
  caps_.clear();
  for (const FlowId id : group_) caps_.push_back({flows_[id].cap, id});
  std::make_heap(caps_.begin(), caps_.end(), Later{});
  levels_.clear();
  for (const LinkId id : group_links_) {
    levels_.push_back({links_[id].residual / links_[id].unfixed, id});
  }
  std::make_heap(levels_.begin(), levels_.end(), Later{});
  water_ = 0;
  unfixed_ = group_.size();
  while (unfixed_ > 0) {
    const double level = lowest_level();
    // Flows that stop at their caps let the links fill later, so look again before one fills.
    if (stop_at_caps(level)) continue;
    water_ = std::max(water_, level);
    fill_link(levels_.front().key);
  }
}

/// Stops the flows whose caps are reached before the first link fills; false if there are none.
bool Network::stop_at_caps(double level) {
  bool any = false;
  while (!caps_.empty() && caps_.front().level <= level) {
    Flow& flow = flows_[caps_.front().key];
    std::pop_heap(caps_.begin(), caps_.end(), Later{});
    caps_.pop_back();
    if (flow.fixed) continue;
    water_ = std::max(water_, flow.cap);
    fix(flow, flow.cap);
    any = true;
  }
  return any;
}

/// The rate at which the first link fills; that link is then in front. Levels only rise while
/// flows stop, so an outdated one in the heap is too low and is put right when it comes up.
double Network::lowest_level() {
  while (!levels_.empty()) {
    const LinkState& link = links_[levels_.front().key];
    const double level = link.unfixed > 0 ? link.residual / link.unfixed : 0;
    if (link.unfixed > 0 && level <= levels_.front().level) return levels_.front().level;
    if (link.unfixed > 0) {
      levels_.front().level = level;
    } else {
      levels_.front() = levels_.back();
      levels_.pop_back();
    }
    sink_first(levels_);
  }
  return std::numeric_limits<double>::infinity();
}

void Network::fill_link(LinkId id) {
  for (const Rider& rider : links_[id].flows) {
    Flow& flow = flows_[rider.flow];
    if (!flow.fixed) fix(flow, water_);
  }
}

void Network::fix(Flow& flow, double rate) {
  --unfixed_;
  flow.fixed = true;
  flow.share = rate;
  for (const Hop& hop : flow.route) {
    LinkState& link = links_[hop.link];
    if (link.visit != visit_ || !link.limits) continue;
    link.residual = std::max(0.0, link.residual - rate);
    --link.unfixed;
  }
}

}  // namespace hsap
