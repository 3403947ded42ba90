#include "hsap/plan.hpp"

#include <catch2/catch.hpp>

#include "base/json.hpp"
#include "hsap/compile.hpp"
#include "support/golden.hpp"
#include "support/sample_plan.hpp"

using namespace hsap;

namespace {

/// The plan as JSON, changed at one place by a JSON pointer; "" as value removes the member.
std::string changed(const Plan& plan, const std::string& pointer, const std::string& value) {
  json::Value root = json::Value::parse(plan_text(plan));
  const json::Value::json_pointer at(pointer);
  if (value.empty()) {
    root[at.parent_pointer()].erase(at.back());
  } else {
    root[at] = json::Value::parse(value);
  }
  return root.dump();
}

std::string error_of(const std::string& text) {
  const Result<Plan> plan = parse_plan(text, "p.json");
  return plan ? "" : plan.error().text();
}

}  // namespace

TEST_CASE("a plan is written as it always was") {
  test::check_golden(HSAP_GOLDEN "/plan.json", plan_text(test::sample_plan()));
}

TEST_CASE("a plan survives being read and written again") {
  const std::string text = plan_text(test::sample_plan());
  const Result<Plan> plan = parse_plan(text, "p.json");
  INFO((plan ? "" : plan.error().text()));
  REQUIRE(plan.ok());
  CHECK(plan_text(*plan) == text);
  CHECK(plan->strategy == test::sample_plan().strategy);
  CHECK(plan->problem.batches == test::sample_plan().problem.batches);
  CHECK(plan->training.checkpointing == Training::Checkpointing::full);
  CHECK(plan->training.weight_gradients == Dtype::fp32);
  CHECK(plan->training.loss_chunks == 8);
}

TEST_CASE("a plan for attention alone has no layers and no step") {
  Plan plan = test::sample_plan();
  plan.problem.model = Model{};
  plan.problem.model.heads = {64, 8, 128};
  plan.predicted.step.reset();
  const Result<Plan> again = parse_plan(plan_text(plan), "p.json");
  REQUIRE(again.ok());
  CHECK(again->problem.model.attention_only());
  CHECK_FALSE(again->predicted.step.has_value());
}

TEST_CASE("every wrong member of a plan is named with what was found and expected") {
  struct Case {
    const char* pointer;
    const char* value;
    const char* error;
  };
  const Case cases[] = {
      {"/schema", "\"hsap.plan/2\"",
       "p.json: /schema: not a plan that this version reads; found 'hsap.plan/2', expected "
       "'hsap.plan/1'"},
      {"/schema", "", "p.json: /schema: missing key; found nothing, expected 'schema'"},
      {"/strategi", "1", "p.json: /strategi: unknown key; found 'strategi', expected 'strategy'"},
      {"/problem/mask", "3", "p.json: /problem/mask: wrong type; found 3, expected a text"},
      {"/problem/pass", "\"sideways\"",
       "p.json: /problem/pass: unknown pass; found 'sideways', expected 'forward', 'backward' or "
       "'both'"},
      {"/problem/context", "1152921504606846976",
       "p.json: /problem/context: out of range; found 1152921504606846976, expected an integer "
       "from 1 to 1073741824"},
      {"/problem/context", "1024",
       "p.json: /problem/batches/0/1: out of range; found 3072, expected a length of at least 1, "
       "together at most 1024"},
      {"/problem/batches", "[]",
       "p.json: /problem/batches: wrong type; found an array of 0, expected an array of 1 to "
       "100000 batches"},
      {"/problem/batches/0", "{}",
       "p.json: /problem/batches/0: wrong type; found an object, expected an array of document "
       "lengths"},
      {"/problem/batches/0/1", "-3",
       "p.json: /problem/batches/0/1: out of range; found -3, expected a length of at least 1, "
       "together at most 4096"},
      {"/problem/batches/0/1", "1073741824",
       "p.json: /problem/batches/0/1: out of range; found 1073741824, expected a length of at "
       "least 1, together at most 4096"},
      {"/problem/model/head_dim", "129",
       "p.json: /problem/model/head_dim: no multiple of 8; found 129, expected a multiple of 8"},
      {"/problem/model/kv_heads", "5",
       "p.json: /problem/model/kv_heads: does not divide the query heads; found 5, expected a "
       "divisor of 32"},
      {"/cluster/gpus", "9",
       "p.json: /cluster/gpus: does not follow from the nodes; found 9, expected 8"},
      {"/cluster/set/0", "\"nic\"",
       "p.json: /cluster/set/0: not an override; found 'nic', expected key=value"},
      {"/training/zero", "4",
       "p.json: /training/zero: out of range; found 4, expected an integer from 0 to 3"},
      {"/training/global_batch", "0",
       "p.json: /training/global_batch: out of range; found 0, expected an integer from 1 to "
       "1048576"},
      {"/training/loss_chunks", "0",
       "p.json: /training/loss_chunks: out of range; found 0, expected an integer from 1 to 65536"},
      {"/training/matmul", "\"fp4\"",
       "p.json: /training/matmul: unknown type of matrix products; found 'fp4', expected 'bf16' or "
       "'fp8'"},
      {"/training/weight_gradients", "\"fp16\"",
       "p.json: /training/weight_gradients: unknown dtype; found 'fp16', expected 'bf16' or "
       "'fp32'"},
      {"/training/checkpointing", "\"all\"",
       "p.json: /training/checkpointing: unknown checkpointing policy; found 'all', expected "
       "'none', 'norms', 'selective' or 'full'"},
      {"/strategy/ulysses", "1048576",
       "p.json: /strategy/context_parallel: too many ranks; found 4194304, expected ulysses x "
       "context_parallel of at most 1048576"},
      {"/strategy/ulysses", "4",
       "p.json: /mesh/ranks: does not follow from the strategy; found 8, expected 16"},
      {"/mesh/replicas", "2",
       "p.json: /mesh/replicas: the groups do not fill the cluster; found 2 replicas of 8 GPUs, "
       "expected 8 GPUs together"},
      {"/mesh/ulysses_groups/0/0", "7",
       "p.json: /mesh/ulysses_groups/0/0: does not follow from the strategy; found 7, expected 0"},
      {"/mesh/ulysses_groups/2", "[4, 5, 6]",
       "p.json: /mesh/ulysses_groups/2: does not follow from the strategy; found an array of 3, "
       "expected an array of 2"},
      {"/mesh/context_groups/1/3", "[]",
       "p.json: /mesh/context_groups/1/3: does not follow from the strategy; found an array of 0, "
       "expected 7"},
      {"/mesh/context_groups", "8",
       "p.json: /mesh/context_groups: does not follow from the strategy; found 8, expected an "
       "array of 2"},
      {"/predicted/attention/forward_s", "-1",
       "p.json: /predicted/attention/forward_s: out of range; found -1, expected a finite number "
       "of at least 0"},
      {"/predicted/memory/breakdown/weights", "\"much\"",
       "p.json: /predicted/memory/breakdown/weights: wrong type; found \"much\", expected a finite "
       "number"},
      {"/runners_up/0/breakdown", "[]",
       "p.json: /runners_up/0/breakdown: wrong type; found an array of 0, expected an object"},
      {"/runners_up/0/seconds", "",
       "p.json: /runners_up/0/seconds: missing key; found nothing, expected 'seconds'"},
      {"/pareto/0/strategy/layout", "\"round\"",
       "p.json: /pareto/0/strategy/layout: unknown layout; found 'round', expected 'contiguous', "
       "'zigzag', 'striped', 'per_document_zigzag' or 'balanced'"},
      {"/provenance/inputs/0/what", "[]",
       "p.json: /provenance/inputs/0/what: wrong type; found an array of 0, expected a text"},
      {"/why/0", "{}", "p.json: /why/0: wrong type; found an object, expected a text"},
  };
  for (const Case& each : cases) {
    INFO(each.pointer << " = " << each.value);
    CHECK(error_of(changed(test::sample_plan(), each.pointer, each.value)) == each.error);
  }
}

TEST_CASE("a plan splits its heads over GPUs as the predictions do") {
  Plan plan = test::sample_plan();
  plan.problem.model.heads = {12, 4, 128};
  // 3 GPUs would take 4 query heads each: 3 of one group and 1 of the next.
  CHECK(
      error_of(changed(plan, "/mesh/tensor_parallel", "3")) ==
      "p.json: /mesh/tensor_parallel: tensor parallelism over 3 GPUs splits groups of query heads; "
      "found 3, expected a divisor of 12 query heads that keeps their groups");
  plan.problem.model.heads = {6, 6, 128};
  CHECK(error_of(changed(plan, "/mesh/tensor_parallel", "4")) ==
        "p.json: /mesh/tensor_parallel: tensor parallelism over 4 GPUs does not divide 6 query "
        "heads; "
        "found 4, expected a divisor of 6 query heads that keeps their groups");
}

TEST_CASE("a plan's pipeline is that of its model and fills the cluster") {
  Plan plan = test::sample_plan();
  plan.training.pipeline_parallel = 4;
  plan.training.matmul = Training::Matmul::fp8;
  plan.training.virtual_stages = 2;
  plan.training.loss = Training::Loss::plain;
  plan.training.checkpointing = Training::Checkpointing::full;
  plan.training.offload = Training::Offload::activations;
  plan.predicted.memory.offloaded_bytes = 12345;
  plan.training.lookahead = 4;
  plan.cluster.nodes *= 4;
  plan.cluster.gpus *= 4;
  const std::string text = plan_text(plan);
  const Result<Plan> again = parse_plan(text, "p.json");
  REQUIRE(again);
  CHECK(again->training.pipeline_parallel == 4);
  CHECK(again->training.virtual_stages == 2);
  CHECK(again->training.loss == Training::Loss::plain);
  CHECK(again->training.lookahead == 4);
  CHECK(again->training.matmul == Training::Matmul::fp8);
  CHECK(again->training.offload == Training::Offload::activations);
  CHECK(again->predicted.memory.offloaded_bytes == 12345);
  CHECK(plan_text(*again) == text);
  CHECK(error_of(changed(plan, "/training/checkpointing", "\"norms\"")) ==
        "p.json: /training/offload: only what full checkpointing keeps is offloaded; found norms "
        "checkpointing, expected full checkpointing, or none offloaded");
  CHECK(error_of(changed(plan, "/mesh/pipeline_parallel", "2")) ==
        "p.json: /mesh/replicas: the groups do not fill the cluster; found 1 replicas of 16 GPUs, "
        "expected 32 GPUs together");
  CHECK(error_of(changed(plan, "/mesh/pipeline_parallel", "5")) ==
        "p.json: /mesh/pipeline_parallel: 32 layers cannot be cut into 10 equal pieces; found 5");
  CHECK(error_of(changed(plan, "/training/virtual_stages", "0")).find("/training/virtual_stages") !=
        std::string::npos);
}

TEST_CASE("a plan's experts are shared out evenly") {
  Plan plan = test::sample_plan();
  plan.problem.model.experts = 12;
  plan.problem.model.experts_per_token = 2;
  plan.training.expert_parallel = 4;
  const std::string text = plan_text(plan);
  const Result<Plan> again = parse_plan(text, "p.json");
  REQUIRE(again);
  CHECK(again->training.expert_parallel == 4);
  CHECK(plan_text(*again) == text);
  CHECK(error_of(changed(plan, "/mesh/expert_parallel", "8")) ==
        "p.json: /mesh/expert_parallel: experts cannot be shared out evenly; found 8, expected a "
        "divisor of 12 experts");
  CHECK(
      error_of(changed(plan, "/mesh/expert_parallel", "3")) ==
      "p.json: /mesh/expert_parallel: experts over 3 GPUs do not divide the 8 of a stage; found 3");
  CHECK(error_of(changed(plan, "/mesh/expert_parallel", "5000")).find("out of range") !=
        std::string::npos);
  plan.problem.model.experts = 0;
  plan.problem.model.experts_per_token = 0;
  CHECK(error_of(plan_text(plan)) ==
        "p.json: /mesh/expert_parallel: a model without experts; found 4, expected an "
        "expert_parallel of 1");
}

TEST_CASE("a plan's model is read as a model file is") {
  const Plan plan = test::sample_plan();
  CHECK(error_of(changed(plan, "/problem/model/experts", "")) == "");
  CHECK(
      error_of(changed(plan, "/problem/model/experts", "8")) ==
      "p.json: /problem/model/experts_per_token: out of range; found 0, expected an integer from 1 "
      "to 8");
}

TEST_CASE("bytes may be as many as large jobs send") {
  Plan plan = test::sample_plan();
  plan.predicted.attention.bytes_sent = std::int64_t{1} << 60;
  const Result<Plan> again = parse_plan(plan_text(plan), "p.json");
  REQUIRE(again.ok());
  CHECK(again->predicted.attention.bytes_sent == std::int64_t{1} << 60);
}

TEST_CASE("a few bytes of plan cannot ask for terabytes of mask slices") {
  Plan plan = test::sample_plan();
  plan.problem.context = max_tokens;
  plan.problem.mask = *parse_mask("shared_question:1:65536");
  plan.problem.batches = {Batch{{4096}}, Batch{std::vector<Token>(16383, 65537)}};
  CHECK(
      error_of(plan_text(plan)) ==
      "p.json: /problem/batches/1: too much for the mask; found up to 1073709054 slices, expected "
      "at most 4194304");
  plan.problem.mask = *parse_mask("shared_question:1:100");
  CHECK(error_of(plan_text(plan)) == "");
}

TEST_CASE("a plan that is cut off anywhere is an error with a place, never a crash") {
  const std::string text = plan_text(test::sample_plan());
  for (std::size_t length = 0; length + 2 < text.size(); length += 13) {
    const std::string error = error_of(text.substr(0, length));
    INFO(length);
    CHECK(error.find("p.json: line ") == 0);
  }
}

TEST_CASE("a mesh lists global ranks, tensor-parallel ranks innermost") {
  // U2 C3, T2: rank c * 2 + u of the group is global rank 2 (c * 2 + u).
  const Strategy inner{2, 3, Order::ulysses_inner};
  CHECK(mesh_of(inner, 2).ulysses_groups == std::vector<std::vector<int>>{{0, 2}, {4, 6}, {8, 10}});
  CHECK(mesh_of(inner, 2).context_groups == std::vector<std::vector<int>>{{0, 4, 8}, {2, 6, 10}});
  // context-inner: rank u * 3 + c.
  const Strategy outer{2, 3, Order::context_inner};
  CHECK(mesh_of(outer, 1).ulysses_groups == std::vector<std::vector<int>>{{0, 3}, {1, 4}, {2, 5}});
  CHECK(mesh_of(outer, 1).context_groups == std::vector<std::vector<int>>{{0, 1, 2}, {3, 4, 5}});
}

TEST_CASE("a plan of layers with and without a window has schedules of both") {
  Plan plan = test::windowed_plan();
  CHECK(has_window(plan));
  const Problem wide = problem_of(plan, 0);
  const Problem narrow = problem_of(plan, 0, true);
  CHECK(narrow.mask == *parse_mask("sliding:512"));
  CHECK(narrow.balanced_by == wide.mask);
  CHECK(narrow.batch == wide.batch);
  REQUIRE(passes_of(plan).size() == 8);
  CHECK(passes_of(plan)[2].window);
  for (const PlannedPass& item : passes_of(plan)) {
    const Problem problem = problem_of(plan, item.batch, item.window);
    plan.schedules.push_back(
        {item.batch, *compile(problem, plan.strategy, item.pass), item.window});
  }
  const std::string text = plan_text(plan);
  const Result<Plan> again = parse_plan(text, "p.json");
  INFO((again ? "" : again.error().text()));
  REQUIRE(again.ok());
  CHECK(plan_text(*again) == text);
  CHECK(embedded_of(*again, {1, Pass::backward, true}) == &again->schedules[7].schedule);
  CHECK(embedded_of(*again, {1, Pass::backward, false}) == &again->schedules[5].schedule);
  CHECK(
      error_of(changed(plan, "/problem/mask", "\"full\"")) ==
      "p.json: /problem/mask: layers of llama3-8b have a window; found full, expected a mask that "
      "is causal or sliding");
  // Where no layer has one, no schedule is of one.
  const std::string other = changed(plan, "/problem/mask", "\"sliding:512\"");
  CHECK(error_of(other).find("p.json: /schedules") == 0);
}
