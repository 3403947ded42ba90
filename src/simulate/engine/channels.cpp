#include "simulate/engine/channels.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace hsap {
namespace {

int communicating_ranks(const Traffic& traffic) {
  std::vector<Rank> ranks;
  for (const Channel& channel : traffic.channels)
    ranks.insert(ranks.end(), {channel.from, channel.to});
  std::sort(ranks.begin(), ranks.end());
  return static_cast<int>(std::unique(ranks.begin(), ranks.end()) - ranks.begin());
}

}  // namespace

Channels::Channels(const Machine& machine, const Runtime& runtime, const Traffic& traffic,
                   const Placement& place, bool folded)
    : most_(runtime.message_channels), one_bytes_per_s_(machine.channel_bytes_per_s) {
  const auto node_of = [&](Rank rank) {
    return place.gpu(place.told, rank) / machine.gpus_per_node;
  };
  const bool leaves_node = std::any_of(
      traffic.channels.begin(), traffic.channels.end(),
      [&](const Channel& channel) { return node_of(channel.from) != node_of(channel.to); });
  if (most_ == 0 || one_bytes_per_s_ == 0 || leaves_node) return;
  const int ranks = folded ? place.ranks : communicating_ranks(traffic);
  fewest_ = most_;
  while (fewest_ > 1 && fewest_ * ranks > most_) fewest_ /= 2;
}

double Channels::bytes_per_s(double bytes) const {
  constexpr double most_bytes = 16 << 20;
  if (fewest_ == 0) return std::numeric_limits<double>::infinity();
  int channels = fewest_;
  while (channels <= most_ / 2 && bytes > channels * most_bytes) channels *= 2;
  return channels * one_bytes_per_s_;
}

}  // namespace hsap
