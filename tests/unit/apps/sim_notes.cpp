#include "apps/sim/notes.hpp"

#include <catch2/catch.hpp>

using namespace hsap;

namespace {

std::string limits_of(const std::vector<std::string>& sentences) {
  std::vector<BatchPrediction> batches(sentences.size());
  for (std::size_t i = 0; i < sentences.size(); ++i) batches[i].limit = sentences[i];
  return limits_of(batches);
}

}  // namespace

TEST_CASE("one batch, one sentence") { CHECK(limits_of({"8 of 9 %"}) == "Limit: 8 of 9 %\n"); }

TEST_CASE("sentences that differ in shares and ratios are told once, from least to most") {
  CHECK(limits_of({"kernels run 51 % of it; linear, 72 %", "kernels run 9 % of it; linear, 72 %",
                   "kernels run 45 % of it; linear, 72 %"}) ==
        "Limit (3 of 3 batches): kernels run 9 to 51 % of it; linear, 72 %\n");
  CHECK(limits_of({"computes 1.31x the mean", "computes 1.10x the mean"}) ==
        "Limit (2 of 2 batches): computes 1.10 to 1.31x the mean\n");
}

TEST_CASE("other numbers, as in names of links, make other sentences; frequent ones come first") {
  CHECK(limits_of({"gpu 1 (nic 0) is busy 10 %", "gpu 2 (nic 0) is busy 20 %",
                   "gpu 2 (nic 0) is busy 30 %"}) ==
        "Limit (2 of 3 batches): gpu 2 (nic 0) is busy 20 to 30 %\n"
        "Limit (1 of 3 batches): gpu 1 (nic 0) is busy 10 %\n");
}

TEST_CASE("what lies beyond the calibration is told once for all batches and runs") {
  using How = Basis::Kind;
  const auto heads = [](const char* number, double low, double high) {
    return Basis{number, How::extrapolated, "", {{"heads", low, high, 16, 64}}};
  };
  SimRun one;
  one.prediction.batches.resize(2);
  one.prediction.batches[0].basis = {heads("forward", 4, 4), heads("backward", 4, 8)};
  one.prediction.batches[1].basis = {heads("forward", 8, 8), {"near", How::calibrated}};
  SimRun other;
  other.prediction.batches.resize(1);
  other.prediction.batches[0].basis = {{"experts", How::uncalibrated, "nobody measured them"}};
  const std::vector<SimRun> runs{one, other};
  CHECK(beyond_calibration(runs) ==
        "Not calibrated for this\n"
        "  forward, backward, extrapolated: heads 4 to 8, calibrated at 16 to 64\n"
        "  experts, uncalibrated: nobody measured them\n");
  CHECK(beyond_calibration({}).empty());
}
