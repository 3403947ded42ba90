#include "cluster/node_routes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "cluster/node_graph.hpp"

namespace hsap {
namespace {

using DeviceKind = ClusterSpec::DeviceKind;

std::vector<int> devices_of(const ClusterSpec& spec, DeviceKind kind) {
  std::vector<int> out;
  for (std::size_t i = 0; i < spec.devices.size(); ++i) {
    if (spec.devices[i].kind == kind) out.push_back(static_cast<int>(i));
  }
  return out;
}

/// Fills a NodeRoutes piece by piece.
class Finder {
 public:
  explicit Finder(const ClusterSpec& spec)
      : spec_(spec),
        graph_(spec),
        gpus_(devices_of(spec, DeviceKind::gpu)),
        nics_(devices_of(spec, DeviceKind::nic)) {
    out_.gpus = static_cast<int>(gpus_.size());
    out_.nics = static_cast<int>(nics_.size());
    for (const int gpu : gpus_) {
      nvlink_.push_back(graph_.nvlink_ways(gpu));
      all_.push_back(graph_.all_ways(gpu));
    }
  }

  Result<NodeRoutes> find(bool networked) && {
    HSAP_CHECK(find_inside());
    if (networked) {
      HSAP_CHECK(choose_nics());
      find_up();
      find_down();
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::vector<LinkId> links_between(std::size_t from, std::size_t to) const {
    const WayTree& tree = nvlink_[from].reaches(gpus_[to]) ? nvlink_[from] : all_[from];
    return graph_.links_to(tree, gpus_[to]);
  }

  [[nodiscard]] std::vector<LinkId> links_to_nic(std::size_t from, std::size_t nic) const {
    return graph_.links_to(all_[from], nics_[nic]);
  }

  Status find_inside() {
    for (std::size_t from = 0; from < gpus_.size(); ++from) {
      for (std::size_t to = 0; to < gpus_.size(); ++to) {
        if (!nvlink_[from].reaches(gpus_[to]) && !all_[from].reaches(gpus_[to])) {
          return disconnected(spec_, name(gpus_[from]), name(gpus_[to]),
                              "links that join all GPUs of a node");
        }
        const std::vector<LinkId> links = links_between(from, to);
        if (links.size() > max_way_links) return too_long(gpus_[from], gpus_[to], links.size());
        out_.inside.push_back(make_piece(links));
      }
    }
    return {};
  }

  /// Every GPU uses a NIC nearest to it. GPUs with the same nearest NICs take turns, in order.
  Status choose_nics() {
    std::map<std::vector<std::size_t>, std::size_t> takers;
    for (std::size_t gpu = 0; gpu < gpus_.size(); ++gpu) {
      const std::vector<std::size_t> nearest = nearest_nics(gpu);
      if (nearest.empty()) {
        return disconnected(spec_, "node0." + name(gpus_[gpu]), "node1." + name(gpus_[gpu]),
                            "a NIC that every GPU can reach");
      }
      const std::size_t links = links_to_nic(gpu, nearest[0]).size();
      if (links > max_way_links) return too_long(gpus_[gpu], nics_[nearest[0]], links);
      own_nic_.push_back(nearest[takers[nearest]++ % nearest.size()]);
    }
    return {};
  }

  [[nodiscard]] std::vector<std::size_t> nearest_nics(std::size_t gpu) const {
    std::vector<std::size_t> out;
    WayCost best;
    for (std::size_t nic = 0; nic < nics_.size(); ++nic) {
      if (!all_[gpu].reaches(nics_[nic])) continue;
      const WayCost& cost = all_[gpu].cost[static_cast<std::size_t>(nics_[nic])];
      if (cost < best) out.clear();
      if (!(best < cost)) out.push_back(nic);
      best = std::min(best, cost);
    }
    return out;
  }

  /// The GPU of this node that sends on behalf of `from` on a rail that is not its own: nearest
  /// to `from` and the NIC together; none without NVLink.
  [[nodiscard]] std::optional<std::size_t> proxy(std::size_t from, std::size_t rail) const {
    std::optional<std::size_t> best;
    double best_latency = 0;
    for (std::size_t gpu = 0; gpu < gpus_.size(); ++gpu) {
      if (own_nic_[gpu] != rail || !nvlink_[from].reaches(gpus_[gpu])) continue;
      const double latency = nvlink_[from].cost[static_cast<std::size_t>(gpus_[gpu])].latency_s +
                             all_[gpu].cost[static_cast<std::size_t>(nics_[rail])].latency_s;
      if (!best || latency < best_latency) {
        best = gpu;
        best_latency = latency;
      }
    }
    return best;
  }

  void find_up() {
    for (std::size_t from = 0; from < gpus_.size(); ++from) {
      for (std::size_t wanted = 0; wanted < (spec_.rails ? nics_.size() : 1); ++wanted) {
        std::size_t rail = own_nic_[from];
        std::vector<LinkId> links;
        std::optional<std::size_t> via;
        if (spec_.rails && wanted != rail) via = proxy(from, wanted);
        if (via) {
          rail = wanted;
          links = links_between(from, *via);
        }
        const std::vector<LinkId> to_nic = links_to_nic(via.value_or(from), rail);
        links.insert(links.end(), to_nic.begin(), to_nic.end());
        links.push_back(port(rail));
        out_.up.push_back(make_piece(links));
        out_.up.back().rail = static_cast<int>(rail);
      }
    }
  }

  void find_down() {
    for (std::size_t to = 0; to < gpus_.size(); ++to) {
      std::vector<LinkId> links = links_to_nic(to, own_nic_[to]);
      links.push_back(port(own_nic_[to]));
      std::reverse(links.begin(), links.end());
      for (LinkId& link : links) link ^= 1U;
      out_.down.push_back(make_piece(links));
      out_.down.back().rail = static_cast<int>(own_nic_[to]);
    }
  }

  [[nodiscard]] LinkId port(std::size_t rail) const {
    return static_cast<LinkId>(2 * (spec_.links.size() + rail));
  }

  RoutePiece make_piece(const std::vector<LinkId>& links) {
    RoutePiece piece;
    piece.first = static_cast<std::uint32_t>(out_.ids.size());
    piece.count = static_cast<std::uint32_t>(links.size());
    for (const LinkId id : links) {
      const bool inside = id / 2 < spec_.links.size();
      const LinkClass link_class = inside ? spec_.links[id / 2].link_class : LinkClass::nic;
      const LinkCurve& curve = spec_.curves[static_cast<int>(link_class)];
      const double lanes = inside ? spec_.links[id / 2].count : 1;
      piece.latency_s += curve.latency_s;
      join(piece.bandwidth_bytes_per_s, piece.ramp_bytes, curve.bandwidth_bytes_per_s * lanes,
           curve.ramp_bytes);
      out_.ids.push_back(id);
    }
    return piece;
  }

  [[nodiscard]] Error too_long(int from, int to, std::size_t links) const {
    Error error = bad_input("way too long",
                            fmt::format("{} links from {} to {}", links, name(from), name(to)),
                            fmt::format("at most {} links", max_way_links));
    error.file = spec_.file;
    error.position = "/node/links";
    return error;
  }

  [[nodiscard]] const std::string& name(int device) const {
    return spec_.devices[static_cast<std::size_t>(device)].name;
  }

  const ClusterSpec& spec_;
  NodeGraph graph_;
  std::vector<int> gpus_;
  std::vector<int> nics_;
  std::vector<WayTree> nvlink_;       ///< by GPU
  std::vector<WayTree> all_;          ///< by GPU
  std::vector<std::size_t> own_nic_;  ///< by GPU
  NodeRoutes out_;
};

}  // namespace

const RoutePiece& NodeRoutes::between(int from, int to) const {
  return inside[static_cast<std::size_t>(from) * static_cast<std::size_t>(gpus) +
                static_cast<std::size_t>(to)];
}

const RoutePiece& NodeRoutes::leaving(int from, int rail_of_destination) const {
  const auto each = up.size() / static_cast<std::size_t>(gpus);
  return up[static_cast<std::size_t>(from) * each +
            static_cast<std::size_t>(rail_of_destination) % each];
}

std::span<const LinkId> NodeRoutes::links(const RoutePiece& piece) const {
  return {ids.data() + piece.first, piece.count};
}

Result<NodeRoutes> node_routes(const ClusterSpec& spec, bool networked) {
  return Finder(spec).find(networked);
}

Error disconnected(const ClusterSpec& spec, const std::string& from, const std::string& to,
                   const std::string& expected) {
  Error error = bad_input("disconnected graph", "no way from " + from + " to " + to, expected);
  error.file = spec.file;
  error.position = "/node/links";
  return error;
}

}  // namespace hsap
