#include "simulate/predict/basis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "base/units.hpp"

namespace hsap {
namespace {

using Calibrated = ClusterSpec::Calibrated;
using Text = std::string (*)(double);

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

Asked asked_of(const Schedule& schedule, int ranks_per_node) {
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
    if (op.kind != Kind::exchange) continue;
    for (const Transfer& transfer : schedule.transfers_of(op)) {
      if (transfer.peer == op.rank || transfer.direction == Direction::receive) continue;
      const bool near = transfer.peer / ranks_per_node == op.rank / ranks_per_node;
      (near ? asked.near_bytes : asked.far_bytes)
          .add(static_cast<double>(schedule.bytes(transfer)));
    }
  }
  return asked;
}

std::string plain(double value) { return fmt::format("{:.0f}", value); }
std::string in_bytes(double value) { return format_bytes(value); }

std::string extent_text(double low, double high, Text text) {
  return low == high ? text(low) : fmt::format("{} to {}", text(low), text(high));
}

/// Goes through what was asked for and keeps what the calibration does not cover.
class Judge {
 public:
  explicit Judge(std::string number) { basis_.number = std::move(number); }

  void look(const std::string& what, const Extent& asked,
            const std::optional<Calibrated::Range>& covered, Text text) {
    if (asked.empty()) return;
    seen_ = true;
    if (!covered) {
      distrust("the cluster file does not say what it was calibrated on");
      return;
    }
    if (asked.low >= covered->low && asked.high <= covered->high) return;
    if (basis_.kind == Basis::Kind::uncalibrated) return;
    basis_.kind = Basis::Kind::extrapolated;
    if (!basis_.why.empty()) basis_.why += "; ";
    basis_.why +=
        fmt::format("{} {}, calibrated at {}", what, extent_text(asked.low, asked.high, text),
                    extent_text(covered->low, covered->high, text));
  }

  /// The number rests on no measurement at all.
  void distrust(const std::string& why) {
    basis_.kind = Basis::Kind::uncalibrated;
    basis_.why = why;
  }

  void finish(std::vector<Basis>& list) const {
    if (seen_) list.push_back(basis_);
  }

 private:
  Basis basis_;
  bool seen_ = false;
};

}  // namespace

std::vector<Basis> basis_of(const Schedule& schedule, const Cluster& cluster, int tensor_parallel) {
  const Calibrated& known = cluster.spec().calibrated;
  const Asked asked = asked_of(schedule, std::max(1, cluster.gpus_per_node() / tensor_parallel));
  std::vector<Basis> list;
  Judge attention(schedule.pass == Pass::forward ? "attention forward" : "attention backward");
  attention.look("slices of tokens", asked.tokens, known.tokens, plain);
  attention.look("heads", asked.heads, known.heads, plain);
  Extent dim;
  if (!asked.heads.empty()) dim.add(schedule.heads.dim);
  attention.look("head_dim", dim, known.head_dim, plain);
  if (asked.fp32) attention.distrust("kernels of fp32 are taken to be as fast as those of bf16");
  attention.finish(list);
  Judge near("messages inside a node");
  near.look("sizes", asked.near_bytes, known.node_message_bytes, in_bytes);
  near.finish(list);
  Judge far("messages between nodes");
  far.look("sizes", asked.far_bytes, known.network_message_bytes, in_bytes);
  Extent nodes;
  if (!asked.far_bytes.empty()) nodes.add(cluster.nodes());
  far.look("nodes", nodes, known.nodes, plain);
  far.finish(list);
  return list;
}

std::vector<Basis> joined(const std::vector<std::vector<Basis>>& lists) {
  std::vector<Basis> all;
  for (const std::vector<Basis>& list : lists) {
    for (const Basis& basis : list) {
      const auto known = std::find_if(
          all.begin(), all.end(), [&](const Basis& other) { return other.number == basis.number; });
      if (known == all.end()) {
        all.push_back(basis);
      } else if (basis.kind > known->kind) {
        *known = basis;
      }
    }
  }
  return all;
}

}  // namespace hsap
