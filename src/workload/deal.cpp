#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "hsap/batch.hpp"

namespace hsap {
namespace {

Status check_input(std::span<const double> work, const DealOptions& options) {
  const auto positive = [](const char* what, int number) -> Status {
    if (number >= 1) return {};
    return bad_input(fmt::format("bad number of {}", what), std::to_string(number), "at least 1");
  };
  HSAP_CHECK(positive("replicas", options.replicas));
  HSAP_CHECK(positive("batches of each replica", options.accumulation));
  HSAP_CHECK(positive("replicas together", options.together));
  if (options.replicas % options.together != 0) {
    return bad_input("replicas cannot be put together evenly",
                     fmt::format("{} of {}", options.together, options.replicas), "a divisor");
  }
  const std::int64_t step = std::int64_t{options.replicas} * options.accumulation;
  const auto count = static_cast<std::int64_t>(work.size());
  if (count == 0 || count % step != 0) {
    return bad_input("batches that do not fill optimizer steps", std::to_string(count),
                     fmt::format("a multiple of {}", step));
  }
  const auto odd = std::find_if_not(work.begin(), work.end(),
                                    [](double each) { return std::isfinite(each) && each >= 0; });
  if (odd == work.end()) return {};
  return bad_input(fmt::format("bad work of batch {}", odd - work.begin()), std::to_string(*odd),
                   "a number from 0 on");
}

/// Teams of replicas that take each batch together, by the work they have so far.
class Teams {
 public:
  Teams(std::span<const double> work, const DealOptions& options)
      : work_(work),
        together_(static_cast<std::size_t>(options.together)),
        count_(static_cast<std::size_t>(options.replicas) / together_),
        busiest_first_(count_) {}

  void begin_step() {
    load_.assign(count_, 0);
    std::iota(busiest_first_.begin(), busiest_first_.end(), std::size_t{0});
  }

  /// Deals batches of ascending work, one for each replica, to those `places`.
  void take(std::span<const std::uint32_t> batches, std::span<std::uint32_t> places) {
    std::sort(busiest_first_.begin(), busiest_first_.end(), [&](std::size_t a, std::size_t b) {
      return load_[a] != load_[b] ? load_[a] > load_[b] : a < b;
    });
    for (std::size_t i = 0; i < count_; ++i) {
      const auto alike = batches.subspan(i * together_, together_);
      const std::size_t team = busiest_first_[i];
      std::copy(alike.begin(), alike.end(), places.subspan(team * together_).begin());
      load_[team] += work_[alike.back()];
    }
  }

 private:
  std::span<const double> work_;
  std::size_t together_;
  std::size_t count_;
  std::vector<double> load_ = {};
  std::vector<std::size_t> busiest_first_;
};

}  // namespace

Result<std::vector<std::uint32_t>> deal(std::span<const double> work, const DealOptions& options) {
  HSAP_CHECK(check_input(work, options));
  std::vector<std::uint32_t> sorted(work.size());
  std::iota(sorted.begin(), sorted.end(), 0U);
  std::sort(sorted.begin(), sorted.end(), [&](std::uint32_t a, std::uint32_t b) {
    return work[a] != work[b] ? work[a] < work[b] : a < b;
  });
  std::vector<std::uint32_t> order(sorted.size());
  const auto row = static_cast<std::size_t>(options.replicas);
  const std::size_t step = row * static_cast<std::size_t>(options.accumulation);
  Teams teams(work, options);
  for (std::size_t begin = 0; begin < sorted.size(); begin += step) {
    teams.begin_step();
    // The heaviest first: lighter ones can still even out what they do to the sums.
    for (std::size_t at = begin + step; at > begin; at -= row) {
      teams.take(std::span(sorted).subspan(at - row, row), std::span(order).subspan(at - row, row));
    }
  }
  return order;
}

}  // namespace hsap
