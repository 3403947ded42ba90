#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "unit/kernels/attention.hpp"

/// Problems on which mistakes in a kernel show (mutants.py).
namespace test {

/// What is wrong with two forward calls, of which the second accumulates.
template <typename Kernel>
bool forward_fails(std::uint64_t seed) {
  Problem problem = random_slices(170, 210, seed);
  problem.head_dim = head_dim_of<Kernel>;
  problem.heads = problem.heads_per_key_head = 2;
  std::vector<hsap::Slice> parts[2];
  for (std::size_t i = 0; i < problem.slices.size(); ++i) {
    parts[i % 2].push_back(problem.slices[i]);
  }
  Forward<> on(problem, seed);
  return !on.run<Kernel>(parts[0]) || !on.run<Kernel>(parts[1], true) || !on.mistakes().empty();
}

/// The same of a backward call in which some queries do not count, one of very low scores, and one
/// with key heads that no query sees.
template <typename Kernel>
bool backward_fails(std::uint64_t seed) {
  Problem band = one_slice({0, 150, 1}, {0, 180, 1}, hsap::SliceKind::bi_causal);
  Problem square = one_slice({0, 150, 1}, {0, 150, 1}, hsap::SliceKind::full);
  band.heads = band.key_heads = 2;
  square.keys = 150;  // without rows that see nothing, no step is masked for them
  band.head_dim = square.head_dim = head_dim_of<Kernel>;
  Backward some(band, seed);
  for (int row = 60; row < 99; ++row) {
    some.lse.at(row, 0, 0) = -std::numeric_limits<double>::infinity();
  }
  Backward low(square, seed, -130);
  Problem unseen = documents({130, 90}, 2, 2, 0);
  unseen.key_heads = 8;
  unseen.head_dim = head_dim_of<Kernel>;
  Backward idle(unseen, seed);
  return !some.run<Kernel>(band.slices) || !some.mistakes().empty() ||
         !low.run<Kernel>(square.slices) || !low.mistakes(2e-2).empty() ||
         !idle.run<Kernel>(unseen.slices) || !idle.mistakes().empty();
}

/// Whether a few runs show a mistake in a kernel.
template <typename Kernel>
bool noticed() {
  for (const std::uint64_t seed : {7, 8, 9, 10, 11, 12}) {
    if constexpr (requires { Kernel::queries; }) {
      if (backward_fails<Kernel>(seed)) return true;
    } else {
      if (forward_fails<Kernel>(seed)) return true;
    }
  }
  return false;
}

}  // namespace test
