#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/units.hpp"
#include "cluster/import/complete.hpp"
#include "cluster/import/paths.hpp"

namespace hsap::topo {
namespace {

using Kind = Part::Kind;

constexpr double bytes_per_gbit = 1e9 / 8;

std::string gbits(double bytes_per_s) {
  return fmt::format("{:g} Gbit/s", bytes_per_s / bytes_per_gbit);
}

const std::string& called(const Part& nic) { return nic.label.empty() ? nic.name : nic.label; }

/// Cards at one switch that share what a GPU there can take.
int cards_per_gpu(const Machine& machine, const Part& nic) {
  int cards = 0;
  int gpus = 0;
  for (const Part& part : machine.parts) {
    if (part.parent != nic.parent) continue;
    cards += part.kind == Kind::nic ? 1 : 0;
    gpus += part.kind == Kind::gpu ? 1 : 0;
  }
  return gpus == 0 ? 1 : std::max(cards / gpus, 1);
}

void find_rates(Machine& machine, const ImportOptions& options) {
  for (const int index : machine.all(Kind::nic)) {
    Part& nic = machine.part(index);
    if (options.nic_bytes_per_s) {
      nic.rate_bytes_per_s = options.nic_bytes_per_s;
      machine.nics_told = "by --nic-gbps";
    }
    const double slot = nic.link_bytes_per_s.value_or(0);
    if (!nic.rate_bytes_per_s) {
      nic.rate_bytes_per_s = nic_bytes_per_s(slot) / cards_per_gpu(machine, nic);
      machine.nics_told = "assumed";
      machine.warn("nic-speed", called(nic),
                   fmt::format("network cards without a speed, or below 1 Gbit/s; {} is assumed, "
                               "so that the cards of a GPU fill its slot; --nic-gbps says "
                               "otherwise",
                               gbits(*nic.rate_bytes_per_s)));
    } else if (*nic.rate_bytes_per_s > 1.2 * slot) {
      machine.warn("narrow-slot", called(nic),
                   "the PCIe link of the card is slower than the card, and limits it");
    }
  }
}

/// Leaves out what `keep` refuses.
template <typename Keep>
void keep_nics(Machine& machine, const char* warning, const char* text, const Keep& keep) {
  std::vector<bool> gone(machine.parts.size());
  for (const int nic : machine.all(Kind::nic)) {
    if (keep(nic)) continue;
    gone[static_cast<std::size_t>(nic)] = true;
    machine.warn(warning, called(machine.part(nic)), text);
  }
  machine.remove(gone);
}

void drop_slow(Machine& machine) {
  double fastest = 0;
  for (const int nic : machine.all(Kind::nic)) {
    fastest = std::max(fastest, *machine.part(nic).rate_bytes_per_s);
  }
  keep_nics(machine, "slow-nics", "NICs below half the rate of the fastest are left out",
            [&](int nic) { return *machine.part(nic).rate_bytes_per_s >= 0.5 * fastest; });
}

void drop_far(Machine& machine) {
  std::set<int> used;
  for (const auto& [nics, gpus] : gpus_by_nics(machine)) used.insert(nics.begin(), nics.end());
  keep_nics(machine, "far-nics", "NICs that no GPU is nearest to are left out",
            [&](int nic) { return used.count(nic) > 0; });
}

/// Joins cards number i, i + into, ... of a list to one each; cards that are left over go.
void join(Machine& machine, const std::vector<int>& nics, std::size_t into,
          std::vector<bool>& gone) {
  const std::size_t each = nics.size() / into;
  for (std::size_t i = 0; i < nics.size(); ++i) {
    if (i % each == 0 && i / each < into) continue;
    gone[static_cast<std::size_t>(nics[i])] = true;
    const Part& card = machine.part(nics[i]);
    if (i / each >= into) {
      machine.warn("spare-nics", called(card), "NICs that cannot be dealt evenly are left out");
      continue;
    }
    Part& first = machine.part(nics[i - i % each]);
    first.name += "+" + card.name;
    if (!card.label.empty()) first.label += "+" + card.label;
    *first.rate_bytes_per_s += *card.rate_bytes_per_s;
    *first.link_bytes_per_s += *card.link_bytes_per_s;
  }
}

/// NCCL spreads a GPU's channels over all NICs near it; here a GPU has one, so they become one.
void join_plenty(Machine& machine) {
  std::vector<bool> gone(machine.parts.size());
  std::map<int, int> mentions;
  const auto groups = gpus_by_nics(machine);
  for (const auto& [nics, gpus] : groups) {
    for (const int nic : nics) ++mentions[nic];
  }
  for (const auto& group : groups) {
    const std::vector<int>& nics = group.first;
    const bool apart = std::all_of(nics.begin(), nics.end(), [&](int nic) {
      return mentions[nic] == 1 && machine.part(nic).parent == machine.part(nics[0]).parent;
    });
    if (apart && nics.size() > group.second.size()) join(machine, nics, group.second.size(), gone);
  }
  machine.remove(gone);
}

void make_even(Machine& machine) {
  const std::vector<int> nics = machine.all(Kind::nic);
  if (nics.empty()) return;
  double slowest = *machine.part(nics[0]).rate_bytes_per_s;
  for (const int nic : nics) slowest = std::min(slowest, *machine.part(nic).rate_bytes_per_s);
  for (const int nic : nics) {
    Part& card = machine.part(nic);
    if (*card.rate_bytes_per_s == slowest) continue;
    machine.warn(
        "uneven-nics", called(card),
        fmt::format("a cluster has NICs of one rate; these are taken down to {}", gbits(slowest)));
    card.rate_bytes_per_s = slowest;
  }
}

}  // namespace

void settle_nics(Machine& machine, const ImportOptions& options) {
  find_rates(machine, options);
  drop_slow(machine);
  drop_far(machine);
  join_plenty(machine);
  make_even(machine);
}

}  // namespace hsap::topo
