#include "simulate/training/dealt.hpp"

#include <algorithm>
#include <vector>

#include "hsap/batch.hpp"
#include "simulate/training/draws.hpp"
#include "simulate/training/replica_step.hpp"
#include "simulate/training/step.hpp"

namespace hsap {
namespace {

/// Steps of a loader that looks ahead.
class DealtSteps {
 public:
  DealtSteps(std::span<const StepTimes> steps, const Pipeline& pipeline, int replicas,
             const Sharing& sharing)
      : steps_(steps),
        passes_(pipeline.stages == 1 ? 1 : passes_of(pipeline)),
        most_(std::max(replicas, static_cast<int>(most_passes / 4 / passes_))),
        replica_(steps, pipeline, sharing.accumulation, most_ / replicas),
        dealing_{replicas, replica_.places(), sharing.together},
        lookahead_(std::clamp(most_ / (replicas * replica_.places()), 1, sharing.lookahead)) {}

  [[nodiscard]] ExpectedSeconds expected() const {
    const int batches = lookahead_ * dealing_.replicas * dealing_.accumulation;
    const Draws draws(windows_of(static_cast<std::size_t>(batches)), batches, steps_.size());
    std::vector<std::vector<const StepTimes*>> windows(draws.size());
    draws.each(
        [&](std::size_t draw, std::size_t batch) { windows[draw].push_back(&steps_[batch]); });
    ExpectedSeconds sum;
    for (const auto& window : windows) add_window(window, sum);
    const auto count = static_cast<double>(windows.size()) * lookahead_;
    return {sum.mean / count, sum.slowest / count};
  }

 private:
  /// Enough windows of so many batches; whole rounds of them where those take no longer than some
  /// milliseconds.
  [[nodiscard]] std::size_t windows_of(std::size_t batches) const {
    constexpr std::size_t enough = std::size_t{1} << 13U;  // batches
    const std::size_t most = most_passes / passes_ / batches + 1;
    return std::min(whole_rounds(enough / batches + 1, steps_.size()), most);
  }

  void add_window(std::span<const StepTimes* const> window, ExpectedSeconds& sum) const {
    std::vector<double> work;
    work.reserve(window.size());
    for (const StepTimes* batch : window) work.push_back(batch->parts.flop);
    const std::vector<std::uint32_t> order = *deal(work, dealing_);
    const std::size_t step = window.size() / static_cast<std::size_t>(lookahead_);
    for (std::size_t first = 0; first < order.size(); first += step) {
      const auto taken = std::span(order).subspan(first, step);
      double slowest = 0;
      for (int replica = 0; replica < dealing_.replicas; ++replica) {
        const double alone = seconds(window, taken, replica, 1);
        sum.mean += alone / dealing_.replicas;
        slowest = std::max(slowest, alone);
      }
      for (int team = 0; dealing_.together > 1 && team < dealing_.replicas;
           team += dealing_.together) {
        slowest = std::max(slowest, seconds(window, taken, team, dealing_.together));
      }
      sum.slowest += slowest;
    }
  }

  /// Of `count` replicas from `first` on, in a step that takes those of the window.
  [[nodiscard]] double seconds(std::span<const StepTimes* const> window,
                               std::span<const std::uint32_t> taken, int first, int count) const {
    const auto replicas = static_cast<std::size_t>(dealing_.replicas);
    std::vector<const StepTimes*> batches;
    std::vector<StepTimes> slowest;
    slowest.reserve(count > 1 ? taken.size() / replicas : 0);
    for (auto at = static_cast<std::size_t>(first); at < taken.size(); at += replicas) {
      batches.push_back(window[taken[at]]);
      if (count == 1) continue;
      StepTimes& most = slowest.emplace_back();
      for (const std::uint32_t index : taken.subspan(at, static_cast<std::size_t>(count))) {
        each_time([&](const auto& time_of) {
          time_of(most) = std::max(time_of(most), time_of(*window[index]));
        });
      }
      batches.back() = &most;
    }
    return replica_.seconds(batches);
  }

  std::span<const StepTimes> steps_;
  std::size_t passes_;  ///< of a batch
  int most_;            ///< batches of a window
  ReplicaStep replica_;
  DealOptions dealing_;
  int lookahead_;
};

}  // namespace

ExpectedSeconds dealt_seconds(std::span<const StepTimes> steps, const Pipeline& pipeline,
                              int replicas, const Sharing& sharing) {
  return DealtSteps(steps, pipeline, replicas, sharing).expected();
}

}  // namespace hsap
