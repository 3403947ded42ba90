#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "hsap/status.hpp"

/// How a call is timed, whatever its clock.
namespace hsap::bench {

/// Times of one call, repeated.
struct Sample {
  double seconds = 0;   ///< median
  double spread_s = 0;  ///< between the quartiles
  int calls = 0;
};

/// Of at least one time.
[[nodiscard]] Sample sample_of(std::vector<double> seconds);

/// How often a call is repeated: as often as fits, within bounds.
struct Repeats {
  double budget_s = 0.3;
  int least = 5;
  int most = 100;
};

/// Seconds of each of `count` calls; `expected_s` is what one will take, 0 while that is unknown.
using TimeCalls = std::function<Result<std::vector<double>>(int count, double expected_s)>;

/// Two calls warm up and tell how many there is time for. Errors: those of the calls.
[[nodiscard]] Result<Sample> sample(const TimeCalls& time_calls, const Repeats& repeats = {});

/// Sets of buffers to take in turn, so that the bytes of all are twice those of the cache.
[[nodiscard]] int sets_for(std::int64_t bytes_of_set, std::int64_t cache_bytes);

}  // namespace hsap::bench
