#include "simulate/predict/basis.hpp"

#include <algorithm>
#include <limits>
#include <optional>

namespace hsap {
namespace {

using Calibrated = ClusterSpec::Calibrated;

/// Smallest and largest of what a schedule asks for.
struct Extent {
  double low = std::numeric_limits<double>::infinity();
  double high = 0;

  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  [[nodiscard]] bool empty() const { return high == 0; }
};

struct Asked {
  Extent tokens;  ///< of a side of a slice
  Extent heads;
  Extent near_bytes;  ///< of a message inside a node
  Extent far_bytes;   ///< and between nodes
  bool fp32 = false;  ///< queries
};

/// What a rank of a ring passes on to the next: the smaller side of a pair of operands, of all the
/// others.
double ring_bytes(const Schedule& schedule, const Operation& op) {
  const std::span<const Index> operands = schedule.operands_of(op);
  double bytes = 0;
  for (std::size_t i = 0; i + 1 < operands.size(); i += 2) {
    const std::int64_t share = std::min(schedule.bytes(schedule.buffers[operands[i]]),
                                        schedule.bytes(schedule.buffers[operands[i + 1]]));
    bytes += static_cast<double>(share) * (schedule.group_of(op).count - 1);
  }
  return bytes;
}

/// Rank 0 has place `first` in its node.
Asked asked_of(const Schedule& schedule, int ranks_per_node, int first) {
  const auto node = [&](Rank rank) { return (first + rank) / ranks_per_node; };
  Asked asked;
  asked.fp32 = std::any_of(
      schedule.buffers.begin(), schedule.buffers.end(),
      [](const Buffer& buffer) { return buffer.role == Role::q && buffer.dtype == Dtype::fp32; });
  for (const Operation& op : schedule.operations) {
    if (op.kind == Kind::attend || op.kind == Kind::attend_backward) {
      asked.heads.add(op.heads.size());
      for (const Slice& slice : schedule.slices_of(op)) {
        asked.tokens.add(slice.query.size());
        asked.tokens.add(slice.key.size());
      }
    }
    if (op.kind == Kind::all_gather || op.kind == Kind::reduce_scatter) {
      const Group& group = schedule.group_of(op);
      const Rank last = group.first + (group.count - 1) * group.stride;
      (node(group.first) == node(last) ? asked.near_bytes : asked.far_bytes)
          .add(ring_bytes(schedule, op));
    }
    if (op.kind != Kind::exchange) continue;
    for (const Transfer& transfer : schedule.transfers_of(op)) {
      if (transfer.peer == op.rank || transfer.direction == Direction::receive) continue;
      const bool near = node(transfer.peer) == node(op.rank);
      (near ? asked.near_bytes : asked.far_bytes)
          .add(static_cast<double>(schedule.bytes(transfer)));
    }
  }
  return asked;
}

/// Goes through what was asked for and keeps what the calibration does not cover.
class Judge {
 public:
  explicit Judge(std::string number) { basis_.number = std::move(number); }

  void look(const std::string& what, const Extent& asked,
            const std::optional<Calibrated::Range>& covered, bool in_bytes = false) {
    if (asked.empty()) return;
    seen_ = true;
    if (!covered) {
      distrust("the cluster file does not say what it was calibrated on");
      return;
    }
    if (asked.low >= covered->low && asked.high <= covered->high) return;
    if (basis_.kind == Basis::Kind::uncalibrated) return;
    basis_.kind = Basis::Kind::extrapolated;
    basis_.outside.push_back({what, asked.low, asked.high, covered->low, covered->high, in_bytes});
  }

  /// The number rests on no measurement at all.
  void distrust(const std::string& reason) {
    basis_.kind = Basis::Kind::uncalibrated;
    basis_.reason = reason;
    basis_.outside.clear();
  }

  void finish(std::vector<Basis>& list) const {
    if (seen_) list.push_back(basis_);
  }

 private:
  Basis basis_;
  bool seen_ = false;
};

/// Adds to what is known of the same.
void widen(std::vector<Basis::Outside>& list, const Basis::Outside& more) {
  const auto same = std::find_if(list.begin(), list.end(), [&](const Basis::Outside& outside) {
    return outside.what == more.what;
  });
  if (same == list.end()) {
    list.push_back(more);
    return;
  }
  same->low = std::min(same->low, more.low);
  same->high = std::max(same->high, more.high);
}

}  // namespace

std::vector<Basis> basis_of(const Schedule& schedule, const Cluster& cluster, int tensor_parallel,
                            int copy) {
  const Calibrated& known = cluster.spec().calibrated;
  const int ranks_per_node = std::max(1, cluster.gpus_per_node() / tensor_parallel);
  const Asked asked = asked_of(schedule, ranks_per_node, copy * schedule.ranks() % ranks_per_node);
  std::vector<Basis> list;
  Judge attention(schedule.pass == Pass::forward ? "attention forward" : "attention backward");
  attention.look("slices of tokens", asked.tokens, known.tokens);
  attention.look("heads", asked.heads, known.heads);
  Extent dim;
  if (!asked.heads.empty()) dim.add(schedule.heads.dim);
  attention.look("head_dim", dim, known.head_dim);
  if (asked.fp32) attention.distrust("kernels of fp32 are taken to be as fast as those of bf16");
  attention.finish(list);
  Judge near("messages inside a node");
  near.look("sizes", asked.near_bytes, known.node_message_bytes, true);
  near.finish(list);
  Judge far("messages between nodes");
  far.look("sizes", asked.far_bytes, known.network_message_bytes, true);
  Extent nodes;
  if (!asked.far_bytes.empty()) nodes.add(cluster.nodes());
  far.look("nodes", nodes, known.nodes);
  far.finish(list);
  return list;
}

std::vector<Basis> joined(std::span<const std::vector<Basis>> lists) {
  std::vector<Basis> all;
  for (const std::vector<Basis>& list : lists) {
    for (const Basis& basis : list) {
      const auto known = std::find_if(
          all.begin(), all.end(), [&](const Basis& other) { return other.number == basis.number; });
      if (known == all.end()) {
        all.push_back(basis);
      } else if (basis.kind > known->kind) {
        *known = basis;
      } else if (basis.kind == known->kind) {
        for (const Basis::Outside& outside : basis.outside) widen(known->outside, outside);
      }
    }
  }
  return all;
}

}  // namespace hsap
