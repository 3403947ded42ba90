#include <algorithm>
#include <cassert>
#include <limits>

#include "simulate/network.hpp"

/// Max-min fair sharing by progressive filling: all rates rise together from zero; a flow stops
/// at its cap, and all flows of a link stop when the link is full.
namespace hsap {
namespace {

/// For a heap with the lowest level on top.
struct Higher {
  template <typename Level>
  bool operator()(const Level& a, const Level& b) const {
    return a.level > b.level || (a.level == b.level && a.link > b.link);
  }
};

}  // namespace

void Network::note_change(std::size_t group) {
  ++changes_;
  changed_group_ = std::max(changed_group_, group);
}

/// Sharing a large group costs as much as the group is large, so it waits for a number of changes
/// in proportion: then the cost of a change is bounded.
bool Network::may_wait() const {
  if (options_.exact_flows == 0) return false;
  return changes_ * options_.exact_flows < std::min(changed_group_, active());
}

/// Rates for new flows until the next sharing.
void Network::give_equal_parts(double now) {
  for (; unrated_ < new_flows_.size(); ++unrated_) {
    const FlowId id = new_flows_[unrated_];
    const Flow& flow = flows_[id];
    if (!flow.active || flow.rate > 0) continue;
    double part = flow.cap;
    for (const Hop& hop : flow.route) {
      const LinkState& state = links_[hop.link];
      if (state.tight()) {
        part = std::min(part, state.bandwidth / static_cast<double>(state.flows.size()));
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
  group_links_.push_back(id);
  for (const Rider& rider : link.flows) visit_flow(rider.flow);
}

void Network::fill() {
  const auto lower_cap = [this](FlowId a, FlowId b) {
    const Flow& x = flows_[a];
    const Flow& y = flows_[b];
    return x.cap < y.cap || (x.cap == y.cap && x.age < y.age);
  };
  std::sort(group_.begin(), group_.end(), lower_cap);
  levels_.clear();
  for (const LinkId id : group_links_) {
    levels_.push_back({links_[id].residual / links_[id].unfixed, id});
  }
  std::make_heap(levels_.begin(), levels_.end(), Higher{});
  water_ = 0;
  for (const FlowId id : group_) {
    Flow& flow = flows_[id];
    Level next;
    while (!flow.fixed && next_level(next) && next.level < flow.cap) {
      water_ = std::max(water_, next.level);
      fill_link(next.link);
    }
    if (flow.fixed) continue;
    water_ = std::max(water_, flow.cap);
    fix(flow, flow.cap);
  }
}

/// The link that fills first. Levels only rise while others stop, so an outdated one in the heap
/// is too low and is put right when it comes up.
bool Network::next_level(Level& next) {
  while (!levels_.empty()) {
    const LinkState& link = links_[levels_.front().link];
    if (link.unfixed > 0) {
      const double level = link.residual / link.unfixed;
      if (level <= levels_.front().level * (1 + 1e-15)) {
        next = levels_.front();
        return true;
      }
      std::pop_heap(levels_.begin(), levels_.end(), Higher{});
      levels_.back().level = level;
      std::push_heap(levels_.begin(), levels_.end(), Higher{});
    } else {
      std::pop_heap(levels_.begin(), levels_.end(), Higher{});
      levels_.pop_back();
    }
  }
  return false;
}

void Network::fill_link(LinkId id) {
  for (const Rider& rider : links_[id].flows) {
    Flow& flow = flows_[rider.flow];
    if (!flow.fixed) fix(flow, water_);
  }
}

void Network::fix(Flow& flow, double rate) {
  flow.fixed = true;
  flow.share = rate;
  for (const Hop& hop : flow.route) {
    LinkState& link = links_[hop.link];
    if (link.visit != visit_) continue;
    link.residual = std::max(0.0, link.residual - rate);
    --link.unfixed;
  }
}

}  // namespace hsap
