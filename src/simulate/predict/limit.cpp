#include "simulate/predict/limit.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace hsap {
namespace {

/// A slowest rank with this much more work than the mean is worth naming.
constexpr double notable_imbalance = 1.1;

/// Attention seconds of one rank's day, passes added up.
struct Shares {
  double all = 0;
  double compute = 0;
  double exposed = 0;
  double host = 0;
};

Shares shares_of(std::span<const PassRun> runs, const AttentionTimes& attention) {
  Shares shares{attention.forward_s + attention.backward_s, attention.compute_s,
                attention.exposed_communication_s, 0};
  for (const PassRun& run : runs) {
    double busiest = 0;
    for (const RankTimes& rank : run.simulation.ranks) busiest = std::max(busiest, rank.host_s);
    shares.host += run.share * busiest;
  }
  return shares;
}

std::string percent(double part, double whole) {
  return fmt::format("{:.0f} %", whole > 0 ? 100 * part / whole : 0);
}

/// The link that is busy for the largest share of a pass of the mean layer.
struct BusyLink {
  LinkId link = 0;
  double share = 0;
  Pass pass = Pass::forward;
};

BusyLink busiest_link(std::span<const PassRun> runs, const Cluster& cluster) {
  BusyLink busiest;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    double seconds = 0;
    std::vector<double> bytes(cluster.links().size());
    for (const PassRun& run : runs) {
      if (run.pass != pass) continue;
      seconds += run.share * run.simulation.seconds;
      const std::vector<double>& busy = run.simulation.link_busy_bytes;
      for (LinkId link = 0; link < busy.size(); ++link) bytes[link] += run.share * busy[link];
    }
    for (LinkId link = 0; link < bytes.size(); ++link) {
      const double share = bytes[link] / (cluster.links()[link].bandwidth_bytes_per_s * seconds);
      if (share > busiest.share) busiest = {link, share, pass};
    }
  }
  return busiest;
}

std::string network_limit(std::span<const PassRun> runs, const Shares& shares,
                          const Cluster& cluster) {
  const BusyLink busiest = busiest_link(runs, cluster);
  return fmt::format(
      "communication: exposed {} of the attention time; {} ({}) is busy {} of the {} "
      "pass",
      percent(shares.exposed, shares.all), cluster.link_name(busiest.link),
      to_string(cluster.links()[busiest.link].link_class), percent(busiest.share, 1),
      to_string(busiest.pass));
}

}  // namespace

std::string attention_limit(std::span<const PassRun> runs, const AttentionTimes& attention,
                            const Cluster& cluster) {
  const Shares shares = shares_of(runs, attention);
  const double idle = shares.all - shares.compute - shares.exposed;
  if (shares.compute >= std::max(shares.exposed, idle)) {
    if (attention.imbalance >= notable_imbalance) {
      return fmt::format("imbalance: the slowest rank computes {:.2f}x the mean",
                         attention.imbalance);
    }
    return fmt::format("compute: kernels run {} of the attention time",
                       percent(shares.compute, shares.all));
  }
  if (shares.exposed >= idle) return network_limit(runs, shares, cluster);
  if (shares.host >= shares.all / 2) {
    return fmt::format("host: issuing operations takes {} of the attention time",
                       percent(shares.host, shares.all));
  }
  return fmt::format("waiting: the slowest rank idles {} of the attention time",
                     percent(idle, shares.all));
}

std::string largest_part(const StepTimes& step) {
  const auto largest =
      std::max_element(step.breakdown.begin(), step.breakdown.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  std::string name = largest->first;
  std::replace(name.begin(), name.end(), '_', ' ');
  return fmt::format("largest part of the step: {}, {}", name,
                     percent(largest->second, step.seconds));
}

}  // namespace hsap
