#include "export/plan/layout.hpp"

#include <catch2/catch.hpp>

#include "support/sample_plan.hpp"

using namespace hsap;

TEST_CASE("the layout of a batch is exactly what the pictures read") {
  Plan plan = test::sample_plan();
  plan.problem.batches = {Batch{{4, 12}}};
  plan.strategy = {1, 2, Order::ulysses_inner, Layout::zigzag, Exchange::ring};
  // Zigzag over 2 shards: chunks of 4; shard 0 holds chunks 0 and 3, shard 1 holds 1 and 2, which
  // touch.
  CHECK(layout_json(plan, 0).dump() ==
        R"({"schema":"hsap.layout/1","tokens":16,"documents":[4,12],"mask":"causal",)"
        R"("slices":[[0,4,0,4,"causal"],[4,16,4,16,"causal"]],)"
        R"("shards":[[[0,4,1],[12,16,1]],[[4,12,1]]]})");
}

TEST_CASE("a striped layout keeps its strides") {
  Plan plan = test::sample_plan();
  plan.problem.batches = {Batch{{8}}};
  plan.strategy = {1, 2, Order::ulysses_inner, Layout::striped, Exchange::ring};
  CHECK(layout_json(plan, 0)["shards"].dump() == "[[[0,7,2]],[[1,8,2]]]");
}
