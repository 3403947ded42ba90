#include "fabric.hpp"

#include <algorithm>
#include <cmath>

namespace hsap {
namespace {

int draw(std::mt19937_64& random, int low, int high) {
  return std::uniform_int_distribution<int>(low, high)(random);
}

/// Draws the links of the levels and joins them to routes.
class FabricBuilder {
 public:
  FabricBuilder(std::mt19937_64& random, bool even)
      : random_(random),
        even_(even),
        nodes_(draw(random, 1, 5)),
        gpus_per_node_(draw(random, nodes_ == 1 ? 2 : 1, 6)),
        nics_per_node_(draw(random, 1, gpus_per_node_)),
        nodes_per_leaf_(draw(random, 1, 3)) {}

  Fabric build() {
    fabric_.gpus = nodes_ * gpus_per_node_;
    add_links(fabric_.gpus, 60e6);
    first_nic_ = add_links(nodes_ * nics_per_node_, 20e6);
    first_uplink_ = add_links((nodes_ + nodes_per_leaf_ - 1) / nodes_per_leaf_, 25e6);
    for (int from = 0; from < fabric_.gpus; ++from) {
      for (int to = 0; to < fabric_.gpus; ++to) fabric_.routes.push_back(route(from, to));
    }
    return std::move(fabric_);
  }

 private:
  /// `count` full-duplex links: the way out of item i is link 2i after the first, the way in
  /// 2i + 1.
  std::uint32_t add_links(int count, double typical) {
    const auto first = static_cast<std::uint32_t>(fabric_.bandwidths.size());
    std::uniform_real_distribution<double> factor(0.5, 1.5);
    for (int i = 0; i < 2 * count; ++i) {
      fabric_.bandwidths.push_back(even_ ? typical : typical * factor(random_));
    }
    return first;
  }

  static std::uint32_t out(std::uint32_t first, int item) {
    return first + 2 * static_cast<std::uint32_t>(item);
  }
  static std::uint32_t in(std::uint32_t first, int item) { return out(first, item) + 1; }

  int any_nic(int node) { return node * nics_per_node_ + draw(random_, 0, nics_per_node_ - 1); }

  std::vector<std::uint32_t> route(int from, int to) {
    if (from == to) return {};
    const int a = from / gpus_per_node_;
    const int b = to / gpus_per_node_;
    if (a == b) return {out(0, from), in(0, to)};
    const int leaf_a = a / nodes_per_leaf_;
    const int leaf_b = b / nodes_per_leaf_;
    std::vector<std::uint32_t> links = {out(0, from), out(first_nic_, any_nic(a))};
    if (leaf_a != leaf_b) {
      links.push_back(out(first_uplink_, leaf_a));
      links.push_back(in(first_uplink_, leaf_b));
    }
    links.push_back(in(first_nic_, any_nic(b)));
    links.push_back(in(0, to));
    return links;
  }

  std::mt19937_64& random_;
  bool even_;
  int nodes_;
  int gpus_per_node_;
  int nics_per_node_;
  int nodes_per_leaf_;
  std::uint32_t first_nic_ = 0;
  std::uint32_t first_uplink_ = 0;
  Fabric fabric_;
};

Parcel random_transfer(std::mt19937_64& random, const Fabric& fabric, const FabricShape& shape) {
  std::uniform_real_distribution<double> unit(0, 1);
  Parcel transfer;
  transfer.from = draw(random, 0, fabric.gpus - 1);
  transfer.to = (transfer.from + draw(random, 1, fabric.gpus - 1)) % fabric.gpus;
  double cap = 1e300;
  for (const std::uint32_t link : fabric.route(transfer)) {
    cap = std::min(cap, fabric.bandwidths[link]);
  }
  const bool capped = !shape.even && draw(random, 0, 1) == 1;
  transfer.cap_bytes_per_s = capped ? cap * (0.1 + 0.9 * unit(random)) : cap;
  // Sizes over two orders of magnitude.
  const double bytes = shape.even ? 1e7 : 1e6 * std::pow(100.0, unit(random));
  transfer.bytes = static_cast<std::uint64_t>(bytes);
  if (shape.late && draw(random, 0, 2) != 0) transfer.start_s = 10 * unit(random);
  return transfer;
}

}  // namespace

Fabric random_fabric(std::mt19937_64& random, const FabricShape& shape) {
  Fabric fabric = FabricBuilder(random, shape.even).build();
  for (int i = 0; i < shape.transfers; ++i) {
    fabric.transfers.push_back(random_transfer(random, fabric, shape));
  }
  std::stable_sort(fabric.transfers.begin(), fabric.transfers.end(),
                   [](const Parcel& a, const Parcel& b) { return a.start_s < b.start_s; });
  return fabric;
}

}  // namespace hsap
