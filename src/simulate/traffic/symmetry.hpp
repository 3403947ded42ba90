#pragma once

#include <vector>

#include "hsap/cluster.hpp"
#include "hsap/runtime.hpp"
#include "hsap/schedule.hpp"
#include "simulate/traffic/machine.hpp"

namespace hsap {

/// Ranks that stand for all others: rank r does what rank r % `ranks` does, at the same time.
struct Symmetry {
  Rank ranks = 0;            ///< run: 0 to ranks - 1
  std::vector<LinkId> like;  ///< by link: the one that stands for it, or no_link if nothing uses
                             ///< it; empty where all ranks run

  static constexpr LinkId no_link = 0xffffffff;
};

/// Every rank for itself.
[[nodiscard]] inline Symmetry no_symmetry(const Schedule& schedule) {
  return {schedule.ranks(), {}};
}

/// How many operations the first `ranks` ranks have; those of all others follow.
[[nodiscard]] inline Index operations_of(const Schedule& schedule, Rank ranks) {
  return ranks < schedule.ranks() ? schedule.programs[static_cast<std::size_t>(ranks)].first
                                  : static_cast<Index>(schedule.operations.size());
}

/// The fewest ranks that can stand for all, one copy of the group alone on the machine. Rank r + d
/// has to do what rank r does on as many tokens, with peers d further on (around the ranks), and
/// each link of their ways has to carry as many transfers of each kind as its like. Then times that
/// satisfy the d ranks satisfy all. Where the order of simultaneous events matters (messages that
/// wait for room, kernels that let communication in), ranks that do the same may part, so those
/// run one by one; so do collectives. docs/simulation.md has the argument.
[[nodiscard]] Symmetry find_symmetry(const Schedule& schedule, const Machine& machine,
                                     const Runtime& runtime);

}  // namespace hsap
