#include "bench/measure.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <ctime>

namespace hsap::bench {
namespace {

char* volatile kept = nullptr;

Outcome outcome_of(const std::function<Figures()>& work) {
  return measure(work, {.seconds = 1, .bytes = std::int64_t{1} << 30}).outcome;
}

TEST_CASE("the figures of a run come back from its process") {
  const Measured measured = measure([] { return Figures{.run_s = 2, .simulated_s = 3}; }, {});
  CHECK(measured.outcome == Outcome::done);
  CHECK(measured.figures.run_s == 2);
  CHECK(measured.figures.simulated_s == 3);
  CHECK(measured.peak_bytes > 0);
}

TEST_CASE("a run without figures is too slow, too large, or failed") {
  CHECK(outcome_of([]() -> Figures {
          while (std::clock() >= 0) continue;
          return {};
        }) == Outcome::too_slow);
  CHECK(outcome_of([] {
          kept = new char[std::size_t{2} << 30];
          return Figures{};
        }) == Outcome::too_large);
  CHECK(outcome_of([]() -> Figures { _exit(1); }) == Outcome::failed);
}

}  // namespace
}  // namespace hsap::bench
