#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hsap/cluster.hpp"
#include "hsap/simulate.hpp"
#include "simulate/network/backlog.hpp"
#include "simulate/network/flow_heap.hpp"

namespace hsap {

/// How exactly the network is followed.
struct NetworkOptions {
  /// A flow counts as finished this fraction of its own duration early, so that the flows of a
  /// symmetric round, which differ in the last bits only, cost one sharing.
  double window = 1e-6;
  /// Groups of up to `exact_flows` coupled flows are shared anew at every change. In a larger
  /// group changes wait until they are this share of its flows, where starts that follow ends count
  /// less (Backlog::unsettled()); until then a new flow gets what is left on its links, or an equal
  /// part of them. This bounds the cost of a change in an all-to-all of any size. What stays unused
  /// in that time is made good by flows that will end soon after the sharing: they keep their
  /// rates, but no longer count.
  std::size_t exact_flows = 128;
  double waiting_share = 1.0 / 16;
  bool record_use = false;  ///< keep the history of each link's rate
};

/// One transfer of bytes along a route.
struct FlowSpec {
  std::span<const LinkId> route;  ///< without repetition
  double cap_bytes_per_s = 0;     ///< what it reaches alone, above 0
  double bytes = 0;               ///< above 0
  std::uint32_t tag = 0;          ///< the caller's name for it
};

/// Flows that share links max-min fairly: no flow can get more without taking from one that has
/// no more than it. Time only moves forward.
///
/// Only links that could be full matter: where the caps of the flows on a link sum to no more
/// than its bandwidth, the link couples nothing. So a flow alone on its links costs O(links),
/// and a change is worked out on the flows connected to it through links that could be full.
class Network {
 public:
  explicit Network(std::vector<double> bandwidths, const NetworkOptions& options = {});

  FlowId start(double now, const FlowSpec& spec);
  /// Lets a flow proceed at `speed` times its share from now on; it keeps its share of the links.
  void set_speed(double now, FlowId flow, double speed);
  /// Works out all changes made at `now` and returns when the next flow finishes, or infinity.
  double next_finish(double now);
  /// Ends the flows that finish at `now` and adds their tags to `tags`, earliest first.
  void finish(double now, std::vector<std::uint32_t>& tags);

  [[nodiscard]] double rate(FlowId flow) const { return flows_[flow].rate * flows_[flow].speed; }
  [[nodiscard]] std::size_t active() const { return heap_.size(); }
  /// Bytes of all flows started on each link.
  [[nodiscard]] const std::vector<double>& carried_bytes() const { return carried_; }
  [[nodiscard]] std::vector<LinkUse>& use() { return use_; }

 private:
  /// Where a flow's links stand in `hops_`.
  struct Way {
    std::uint32_t first = 0;
    std::uint16_t count = 0;
    std::uint16_t room = 0;  ///< a slot keeps its place there for the next flow
  };
  /// One cache line: sharing visits them in no order.
  struct alignas(64) Flow {
    double cap = 0;
    double remaining = 0;  ///< bytes left at `since`
    double since = 0;
    double rate = 0;  ///< share of the links
    double speed = 1;
    double finish = 0;
    double begin = 0;
    std::uint32_t visit = 0;   ///< last sharing that reached it
    std::uint16_t listed = 0;  ///< links that still list it; the slot is free at 0
    bool active = false;
    bool ending = false;  ///< its end was taken into account by the last sharing
  };
  static constexpr LinkId no_link = 0xffffffff;
  struct LinkState {
    double bandwidth = 0;
    double caps = 0;            ///< sum over its flows
    double used = 0;            ///< sum of the rates
    std::vector<FlowId> flows;  ///< with some that have ended
    std::uint32_t alive = 0;    ///< of them
    LinkId before = no_link;    ///< link that all flows since it was empty passed right before it
    LinkId after = no_link;     ///< and after it
    std::size_t group = 0;      ///< flows in the last sharing that reached it
    bool loosened = false;      ///< is in loosened_
    double recorded = 0;        ///< record_use: last rate kept
    bool touched = false;       ///< record_use: `used` changed at this instant

    /// Could be full, so its flows may limit each other. The slack absorbs rounding in `caps`.
    [[nodiscard]] bool tight() const { return caps > bandwidth * (1 + 1e-12); }
  };
  /// Of a link, while sharing: a sharing asks for every hop of every flow.
  struct Filling {
    double residual = 0;        ///< bandwidth not yet given away
    std::uint32_t unfixed = 0;  ///< flows without a rate
    std::uint32_t visit = 0;    ///< last sharing that reached it
    bool limits = false;        ///< it may be the one that fills
  };
  /// The rate at which flow `key` reaches its cap, or link `key` fills.
  struct Stop {
    double level = 0;
    std::uint32_t key = 0;
  };

  FlowId new_slot();
  void set_way(FlowId id, std::span<const LinkId> route);
  [[nodiscard]] std::span<const LinkId> route(FlowId id) const {
    return {hops_.data() + ways_[id].first, ways_[id].count};
  }
  void join(FlowId id);
  void leave(double now, FlowId id);
  void forget_ended(LinkState& link);
  void proceed(double now, FlowId id, double rate, double speed);

  [[nodiscard]] bool may_wait() const;
  void give_what_is_left(double now);
  void share(double now);
  void collect_group();
  void visit_flow(FlowId id);
  void apply_shares(double now);
  void visit_link(LinkId id);
  void fill();
  void fix(FlowId id, double rate);
  void collect_caps(double level);
  bool stop_at_caps(double level);
  [[nodiscard]] bool fills_later(const LinkState& link, LinkId other) const;
  [[nodiscard]] bool could_limit(LinkId id) const;
  [[nodiscard]] double lowest_level();
  void fill_link(LinkId id);
  void use_links(FlowId id, double change);
  void record_instant(double now);

  NetworkOptions options_;
  std::vector<LinkState> links_;
  std::vector<Filling> fillings_;  ///< by link
  std::vector<double> carried_;
  std::vector<Flow> flows_;
  std::vector<Way> ways_;            ///< by flow
  std::vector<std::uint32_t> tags_;  ///< by flow
  std::vector<LinkId> hops_;         ///< the routes
  std::vector<std::uint8_t> fixed_;  ///< by flow, while sharing: its rate does not rise
  std::vector<double> shares_;       ///< by flow, while sharing: the rate to come
  std::vector<FlowId> free_;
  FlowHeap heap_;
  std::vector<FlowHeap::Entry> due_;  ///< while flows finish: those that may
  std::uint32_t next_age_ = 0;

  std::vector<FlowId> new_flows_;  ///< coupled flows started since the last sharing
  std::size_t unrated_ = 0;        ///< of them, first that has no rate at all yet
  std::vector<LinkId> loosened_;   ///< links that could be full and lost a flow since
  Backlog backlog_;                ///< starts and ends behind these two lists
  std::size_t changed_group_ = 0;  ///< size of the largest group they are part of
  double horizon_ = 0;             ///< flows that end by then no longer count
  std::uint32_t visit_ = 0;

  std::vector<FlowId> group_;        ///< flows being shared
  std::vector<LinkId> group_links_;  ///< links of theirs that could be full
  std::vector<Stop> caps_;           ///< heap: those up to `cap_limit_`
  double cap_limit_ = 0;             ///< while sharing
  std::vector<Stop> levels_;         ///< heap: rate at which a link fills
  std::size_t unfixed_ = 0;          ///< flows of the group without a rate
  double water_ = 0;                 ///< rate reached so far

  std::vector<LinkId> touched_;
  std::vector<LinkUse> use_;
};

}  // namespace hsap
