#include "tuner/memo.hpp"

#include <catch2/catch.hpp>

using namespace hsap;

TEST_CASE("attention is simulated once for each batch, strategy and tensor-parallel degree") {
  AttentionMemo memo;
  int simulated = 0;
  const auto ask = [&](std::size_t batch, const Strategy& strategy, int tensor_parallel) {
    const auto simulate = [&]() -> Result<SimulatedAttention> {
      SimulatedAttention attention;
      attention.rank_tokens = ++simulated;
      return attention;
    };
    return (*memo.get(batch, strategy, tensor_parallel, simulate))->rank_tokens;
  };
  Strategy strategy{2, 4};
  CHECK(ask(0, strategy, 1) == 1);
  CHECK(ask(0, strategy, 1) == 1);
  CHECK(ask(1, strategy, 1) == 2);
  CHECK(ask(0, strategy, 2) == 3);
  strategy.gradient_dtype = Dtype::bf16;
  CHECK(ask(0, strategy, 1) == 4);
  CHECK(ask(0, Strategy{2, 4}, 1) == 1);
}

TEST_CASE("what failed is simulated again") {
  AttentionMemo memo;
  const Strategy strategy{1, 2};
  const auto fails = [] { return Result<SimulatedAttention>(infeasible("not now")); };
  CHECK(memo.get(0, strategy, 1, fails).error().message == "not now");
  const auto works = [] { return Result<SimulatedAttention>(SimulatedAttention{}); };
  CHECK(memo.get(0, strategy, 1, works));
}
