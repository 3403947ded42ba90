#include "apps/plan/view.hpp"

#include <catch2/catch.hpp>

#include "support/golden.hpp"
#include "support/sample_plan.hpp"

using namespace hsap;

namespace {

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("a plan is shown as it always was") {
  Plan plan = test::sample_plan();
  plan.strategy.layout = Layout::zigzag;
  test::check_golden(HSAP_GOLDEN "/show.txt", apps::plan_view(plan, 0, false));
}

TEST_CASE("texts of a hostile plan stay in their lines and steer nothing") {
  Plan plan = test::sample_plan();
  const std::size_t lines = lines_in(apps::plan_view(plan, 0, false));
  const std::string bad = "x\n\r\x1b[2J";
  for (std::string* text :
       {&plan.problem.model.name, &plan.problem.trace, &plan.cluster.name, &plan.cluster.runtime,
        &plan.why[0], &plan.predicted.limit, &plan.cluster.overrides[0].path,
        &plan.cluster.overrides[0].value, &plan.predicted.memory.breakdown[0].first,
        &plan.predicted.step->breakdown[0].first, &plan.provenance.version,
        &plan.provenance.inputs[0].what, &plan.provenance.inputs[0].name,
        &plan.provenance.inputs[0].hash}) {
    *text = bad;
  }
  const std::string view = apps::plan_view(plan, 0, false);
  CHECK(lines_in(view) == lines);
  CHECK(view.find_first_of("\r\x1b") == std::string::npos);
  std::size_t told = 0;
  for (std::size_t at = view.find("x???[2J"); at != std::string::npos; ++told) {
    at = view.find("x???[2J", at + 1);
  }
  CHECK(told == 14);
}

TEST_CASE("colour changes nothing but the escape sequences") {
  const Plan plan = test::sample_plan();
  std::string text = apps::plan_view(plan, 0, true);
  for (std::size_t at = text.find('\x1b'); at != std::string::npos; at = text.find('\x1b')) {
    text.erase(at, text.find('m', at) - at + 1);
  }
  CHECK(text == apps::plan_view(plan, 0, false));
}

TEST_CASE("a large mesh is drawn by its corners") {
  Plan plan = test::sample_plan();
  plan.strategy.ulysses = 32;
  plan.strategy.context_parallel = 32;
  plan.cluster.gpus_per_node = 32;
  const std::string picture = apps::mesh_picture(plan);
  // A title, 14 shards, a line of dots and the last shard.
  CHECK(lines_in(picture) == 17);
  CHECK(picture.find(" 1023   node 31\n") != std::string::npos);
  CHECK(picture.find("   13  ...   31   node 0\n") != std::string::npos);
}

TEST_CASE("a stripe does not touch the documents that it steps over") {
  // Tokens 0 to 3 are a document each, and every fourth token from 0, 1, 2 and 3 on a shard.
  Plan plan = test::sample_plan();
  plan.strategy.layout = Layout::striped;
  plan.problem.batches = {Batch{{1, 1, 1, 1, 12}}};
  const std::string text = apps::layout_summary(plan, 0, false);
  for (const char* row : {"      0       4       1          2            0\n",
                          "      1       4       1          2            1\n",
                          "      2       4       1          2            2\n",
                          "      3       4       1          2            3\n"}) {
    CHECK(text.find(row) != std::string::npos);
  }
}

TEST_CASE("the layout of a zigzag batch counts tokens, pieces and documents") {
  // 1024 + 3072 tokens over 4 shards: chunks of 512, shard c holds chunks c and 7 - c. The first
  // document is chunks 0 and 1, so shards 2 and 3 hold the second one only.
  Plan plan = test::sample_plan();
  plan.strategy.layout = Layout::zigzag;
  const std::string text = apps::layout_summary(plan, 0, false);
  CHECK(text.find("      0    1024       2          2            0\n") != std::string::npos);
  CHECK(text.find("      1    1024       2          2          512\n") != std::string::npos);
  CHECK(text.find("      2    1024       2          1         1024\n") != std::string::npos);
  CHECK(text.find("      3    1024       1          1         1536\n") != std::string::npos);
}
