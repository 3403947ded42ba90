#include "kernels/bench/sample.hpp"

#include <algorithm>

namespace hsap::bench {

Sample sample_of(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  const std::size_t calls = seconds.size();
  return {seconds[calls / 2], seconds[calls * 3 / 4] - seconds[calls / 4], static_cast<int>(calls)};
}

Result<Sample> sample(const TimeCalls& time_calls, const Repeats& repeats) {
  HSAP_TRY(const std::vector<double> first, time_calls(2, 0));
  const double expected_s = first.back();
  const double fitting = expected_s > 0 ? repeats.budget_s / expected_s : repeats.most;
  const auto count =
      static_cast<int>(std::clamp(fitting, double(repeats.least), double(repeats.most)));
  HSAP_TRY(std::vector<double> seconds, time_calls(count, expected_s));
  return sample_of(std::move(seconds));
}

int sets_for(std::int64_t bytes_of_set, std::int64_t cache_bytes) {
  return static_cast<int>(1 + 2 * cache_bytes / bytes_of_set);
}

}  // namespace hsap::bench
