#pragma once

#include <algorithm>
#include <cstddef>

#include "workload/random.hpp"

namespace hsap {

constexpr std::size_t most_draws = 2048;
constexpr std::size_t most_passes = std::size_t{1} << 18U;  // of pipelines: some milliseconds

/// At least `draws`, in whole rounds of as many as there are batches.
constexpr std::size_t whole_rounds(std::size_t draws, std::size_t batches) {
  return (draws + batches - 1) / batches * batches;
}

/// Which batches a replica takes in each of `draws` steps of `places`. In rounds: in each place a
/// round goes through all batches from a random one on, so that in whole rounds every batch stands
/// equally often.
class Draws {
 public:
  Draws(std::size_t draws, int places, std::size_t batches)
      : draws_(draws), places_(places), batches_(batches) {}

  [[nodiscard]] std::size_t size() const { return draws_; }

  /// Calls visit(draw, batch), the places of a draw in order.
  template <typename Visit>
  void each(const Visit& visit) const {
    Random random(1);
    for (std::size_t round = 0; round < draws_; round += batches_) {
      const std::size_t count = std::min(batches_, draws_ - round);
      for (int place = 0; place < places_; ++place) {
        std::size_t batch = random.below(batches_);
        for (std::size_t i = 0; i < count; ++i) {
          visit(round + i, batch);
          if (++batch == batches_) batch = 0;
        }
      }
    }
  }

 private:
  std::size_t draws_;
  int places_;
  std::size_t batches_;
};

}  // namespace hsap
