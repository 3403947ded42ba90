#include <algorithm>
#include <cassert>
#include <limits>

#include "simulate/network/network.hpp"

/// Max-min fair sharing by progressive filling: all rates rise together from zero; a flow stops
/// at its cap, and all flows of a link stop when the link is full.
namespace hsap {
namespace {

/// Of the time within which flows should end to make up for those that ended before a sharing: a
/// little less than all, because ends come faster and faster (measured on all-to-alls with uneven
/// sizes, where it leaves 0.02 % of the time).
constexpr double sooner = 0.8;

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

/// Sharing a large group costs as much as the group is large, so it waits for changes in
/// proportion.
bool Network::may_wait() const {
  const std::size_t group = std::min(changed_group_, active());
  return group > options_.exact_flows &&
         backlog_.unsettled() < options_.waiting_share * static_cast<double>(group);
}

/// Rates for new flows until the next sharing: what is left on their links, as when one takes the
/// place of one that ended, but no less than an equal part: whoever got little for as long as a
/// sharing waits would fall behind the others of its exchange.
void Network::give_what_is_left(double now) {
  for (; unrated_ < new_flows_.size(); ++unrated_) {
    const FlowId id = new_flows_[unrated_];
    const Flow& flow = flows_[id];
    if (!flow.active || flow.rate > 0) continue;
    double part = flow.cap;
    for (const LinkId hop : route(id)) {
      const LinkState& state = links_[hop];
      if (state.tight()) {
        const double equal = state.bandwidth / static_cast<double>(state.alive);
        part = std::min(part, std::max(state.bandwidth - state.used, equal));
      }
    }
    backlog_.take(part);
    proceed(now, id, part, flow.speed);
  }
}

void Network::share(double now) {
  const bool waited = std::min(changed_group_, active()) > options_.exact_flows;
  const double unused_s = backlog_.settle(now);
  horizon_ = waited ? now + sooner * unused_s : now;
  collect_group();
  fill();
  for (const LinkId link : group_links_) links_[link].group = group_.size();
  apply_shares(now);
  new_flows_.clear();
  for (const LinkId link : loosened_) links_[link].loosened = false;
  loosened_.clear();
  unrated_ = changed_group_ = 0;
}

/// Where most finish times move, putting the heap in order once is cheaper than one by one.
void Network::apply_shares(double now) {
  const bool at_once = group_.size() > heap_.size() / 8;
  if (at_once) heap_.begin_changes();
  for (const FlowId id : group_) proceed(now, id, shares_[id], flows_[id].speed);
  if (at_once) heap_.end_changes();
}

/// Everything that the changes can reach through links that could be full.
void Network::collect_group() {
  ++visit_;
  group_.clear();
  group_links_.clear();
  fixed_.resize(flows_.size());
  shares_.resize(flows_.size());
  const auto visit_active = [&](FlowId id) {
    if (flows_[id].active && flows_[id].visit != visit_) visit_flow(id);
  };
  for (const FlowId id : new_flows_) visit_active(id);
  for (const LinkId id : loosened_) {
    if (!links_[id].tight()) {
      for (const FlowId rider : links_[id].flows) visit_active(rider);
    } else if (fillings_[id].visit != visit_) {
      visit_link(id);
    }
  }
  for (std::size_t i = 0; i < group_.size(); ++i) {
    for (const LinkId hop : route(group_[i])) {
      if (fillings_[hop].visit != visit_) visit_link(hop);
    }
  }
}

/// A flow that ends soon counts no longer.
void Network::visit_flow(FlowId id) {
  Flow& flow = flows_[id];
  flow.visit = visit_;
  flow.ending = flow.rate > 0 && flow.finish < horizon_;
  fixed_[id] = flow.ending;
  if (!flow.ending) group_.push_back(id);
}

void Network::visit_link(LinkId id) {
  LinkState& link = links_[id];
  Filling& filling = fillings_[id];
  filling = {link.bandwidth, 0, visit_, link.tight() && could_limit(id)};
  if (!filling.limits) return;
  if (link.flows.size() > link.alive) forget_ended(link);
  for (const FlowId rider : link.flows) {
    if (flows_[rider].visit != visit_) visit_flow(rider);
    if (!flows_[rider].ending) ++filling.unfixed;
  }
  if (filling.unfixed > 0) group_links_.push_back(id);
}

/// True when another link, which all flows of a link pass, fills first whatever they do.
bool Network::fills_later(const LinkState& link, LinkId other) const {
  if (other == no_link) return false;
  const LinkState& next = links_[other];
  return next.bandwidth < link.bandwidth ||
         (next.bandwidth == link.bandwidth && next.alive > link.alive);
}

/// False where another link that all flows of a link pass fills no later, so that the link can be
/// left out. A PCIe switch before its NIC is the usual case. Of links that fill together, as two
/// hops to that switch, one is kept unless a third one decides for both.
bool Network::could_limit(LinkId id) const {
  const LinkState& link = links_[id];
  for (const LinkId other : {link.before, link.after}) {
    if (other == no_link || links_[other].bandwidth > link.bandwidth) continue;
    if (other < id || fills_later(link, other)) return false;
    const LinkState& twin = links_[other];
    if (fills_later(twin, twin.before) || fills_later(twin, twin.after)) return false;
  }
  return true;
}

void Network::fill() {
  levels_.clear();
  for (const LinkId id : group_links_) {
    levels_.push_back({fillings_[id].residual / fillings_[id].unfixed, id});
  }
  std::make_heap(levels_.begin(), levels_.end(), Later{});
  water_ = 0;
  cap_limit_ = 0;
  unfixed_ = group_.size();
  while (unfixed_ > 0) {
    const double level = lowest_level();
    if (level > cap_limit_) collect_caps(level);
    // Flows that stop at their caps let the links fill later, so look again before one fills.
    if (stop_at_caps(level)) continue;
    water_ = std::max(water_, level);
    fill_link(levels_.front().key);
  }
}

/// The caps that may be reached while links fill up to a few times the level: in a large group most
/// flows never reach theirs, and levels rise by large factors only a few times.
void Network::collect_caps(double level) {
  constexpr double reach = 4;
  cap_limit_ = reach * level;
  caps_.clear();
  for (const FlowId id : group_) {
    if (fixed_[id] == 0 && flows_[id].cap <= cap_limit_) caps_.push_back({flows_[id].cap, id});
  }
  std::make_heap(caps_.begin(), caps_.end(), Later{});
}

/// Stops the flows whose caps are reached before the first link fills; false if there are none.
bool Network::stop_at_caps(double level) {
  bool any = false;
  while (!caps_.empty() && caps_.front().level <= level) {
    const FlowId id = caps_.front().key;
    std::pop_heap(caps_.begin(), caps_.end(), Later{});
    caps_.pop_back();
    if (fixed_[id] != 0) continue;
    water_ = std::max(water_, flows_[id].cap);
    fix(id, flows_[id].cap);
    any = true;
  }
  return any;
}

/// The rate at which the first link fills; that link is then in front. Levels only rise while
/// flows stop, so an outdated one in the heap is too low and is put right when it comes up.
double Network::lowest_level() {
  while (!levels_.empty()) {
    const Filling& link = fillings_[levels_.front().key];
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
  for (const FlowId rider : links_[id].flows) {
    if (fixed_[rider] == 0) fix(rider, water_);
  }
}

void Network::fix(FlowId id, double rate) {
  --unfixed_;
  fixed_[id] = 1;
  shares_[id] = rate;
  for (const LinkId hop : route(id)) {
    Filling& link = fillings_[hop];
    if (!link.limits) continue;
    link.residual = std::max(0.0, link.residual - rate);
    --link.unfixed;
  }
}

}  // namespace hsap
