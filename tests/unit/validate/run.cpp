#include <catch2/catch.hpp>
#include <limits>

#include "support/compiled.hpp"
#include "support/sample_plan.hpp"
#include "validate/run/report.hpp"
#include "validate/run/scale.hpp"

namespace hsap::validation {
namespace {

using Catch::Contains;

Problem two_documents() {
  return {.batch = {{20, 12}}, .mask = {}, .heads = {.query = 2, .key_value = 1, .dim = 8}};
}

Schedule two_ranks(const Problem& problem) {
  Strategy strategy;
  strategy.context_parallel = 2;
  strategy.layout = Layout::contiguous;
  return support::compiled(problem, strategy, Pass::forward);
}

TEST_CASE("documents shrink in proportion, none to nothing") {
  CHECK(shrink({{100, 300, 600}}, 100).lengths == std::vector<Token>{10, 30, 60});
  CHECK(shrink({{1, 1, 998}}, 10).lengths == std::vector<Token>{1, 1, 10});
  CHECK(shrink({{5, 7}}, 100).lengths == std::vector<Token>{5, 7});
  CHECK(shrink({{Token{1} << 29, Token{1} << 29}}, 8).lengths == std::vector<Token>{4, 4});
}

TEST_CASE("the worst element is named with its token, head, document and rank") {
  const Problem problem = two_documents();
  Tensors truth = random_inputs(problem, 1);
  reference_attention(problem, truth);
  Tensor found = truth[Role::o];
  found.row(25, 1)[3] += 0.5;
  const TensorError error = compare(problem, Role::o, truth[Role::o], found, two_ranks(problem));
  double largest = 0;
  for (const double value : truth[Role::o].values) largest = std::max(largest, std::abs(value));
  CHECK(error.relative == Approx(0.5 / largest));
  CHECK(error.worst.token == 25);
  CHECK(error.worst.head == 1);
  CHECK(error.worst.document == 1);
  CHECK(error.rank == 1);
  found.row(3, 0)[0] = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isinf(compare(problem, Role::o, truth[Role::o], found, two_ranks(problem)).relative));
}

TEST_CASE("a leak of one bit is found, and change inside the document is none") {
  const Problem problem = two_documents();
  Tensors base = random_inputs(problem, 1);
  reference_attention(problem, base);
  Tensors changed = base;
  for (Token token = 20; token < 32; ++token) changed[Role::o].row(token, 0)[0] += 1;
  CHECK(find_leaks(problem, 1, base, changed).empty());
  double& bit = changed[Role::o].row(7, 1)[2];
  bit = std::nextafter(bit, 10.0);
  const std::vector<Leak> leaks = find_leaks(problem, 1, base, changed);
  REQUIRE(leaks.size() == 1);
  CHECK(leaks[0].from == 1);
  CHECK(leaks[0].to == 0);
  CHECK(leaks[0].worst.token == 7);
  CHECK(leaks[0].worst.head == 1);
}

TEST_CASE("an attention that forgets borders of documents is caught by the probe") {
  // The leaky attention is causal over the whole sequence, as if there were one document.
  const Problem problem = two_documents();
  Problem leaky = problem;
  leaky.batch = {{32}};
  Tensors base = random_inputs(problem, 1);
  Tensors changed = base;
  for (double& value : changed[Role::v].row(0, 0)) value += 1;
  reference_attention(leaky, base);
  reference_attention(leaky, changed);
  const std::vector<Leak> leaks = find_leaks(problem, 0, base, changed);
  REQUIRE_FALSE(leaks.empty());
  CHECK(leaks[0].to == 1);
}

TEST_CASE("a plan runs right in every arithmetic, and its leaks are none") {
  const Plan plan = test::narrow_plan();
  for (const Dtype dtype : {Dtype::bf16, Dtype::fp32}) {
    for (const Arithmetic arithmetic : {Arithmetic::fp32, Arithmetic::fp64}) {
      RunOptions options;
      options.tokens = 64;
      options.dtype = dtype;
      options.arithmetic = arithmetic;
      options.leaks = 3;
      const Result<Validation> result = validate_plan(plan, options);
      if (!result) FAIL(result.error().text());
      CHECK(result->right());
      CHECK(objection(*result).empty());
      CHECK(result->perturbed.size() ==
            std::min<std::size_t>(3, result->problem.batch.documents()));
      CHECK_THAT(report(*result, false), Contains("right\n"));
      CHECK(to_json(*result)["right"] == true);
    }
  }
}

TEST_CASE("a plan runs in its own dtype, and partial gradients in bf16 are rounded at every hop") {
  Plan plan = test::narrow_plan();
  plan.problem.dtype = Dtype::fp32;
  RunOptions options;
  options.tokens = 64;
  Result<Validation> result = validate_plan(plan, options);
  REQUIRE(result);
  CHECK(result->problem.dtype == Dtype::fp32);
  CHECK(result->tolerance == 2e-6);
  CHECK(result->right());
  REQUIRE(plan.strategy.context_parallel > 1);
  plan.strategy.gradient_dtype = Dtype::bf16;
  result = validate_plan(plan, options);
  REQUIRE(result);
  CHECK(result->tolerance == 3e-2);
  CHECK(result->right());
  options.dtype = Dtype::bf16;
  CHECK(validate_plan(plan, options)->problem.dtype == Dtype::bf16);
}

TEST_CASE("all runs come before the truth, for which other processes would wait in the next one") {
  RunOptions options;
  options.tokens = 64;
  options.leaks = 2;
  std::vector<std::string> told;
  options.executor = [&](const Schedule& schedule, Tensors& tensors, const ExecuteOptions& run) {
    told.emplace_back("run");
    return execute(schedule, tensors, run);
  };
  options.progress = [&](const std::string& what, std::size_t number, std::size_t total) {
    if (what != "running" && number < total) return;
    told.push_back(what + " " + std::to_string(number) + "/" + std::to_string(total));
  };
  REQUIRE(validate_plan(test::narrow_plan(), options));
  CHECK(told == std::vector<std::string>{"running 1/4", "run", "run", "run", "run", "run", "run",
                                         "comparing with float64 4/4"});
}

TEST_CASE("a process that takes part may have no rows of a changed document") {
  RunOptions options;
  options.tokens = 64;
  options.leaks = 2;
  options.tells = false;
  // The results of a rank without tokens.
  options.executor = [&](const Schedule& schedule, Tensors& tensors, const ExecuteOptions& run) {
    Tensors all = tensors;
    const Result<Execution> done = execute(schedule, all, run);
    for (const Role role : {Role::o, Role::lse, Role::dq, Role::dk, Role::dv}) {
      const Tensor& whole = all[role];
      if (!whole.empty()) tensors[role] = Tensor(whole.tokens, whole.heads, whole.width);
    }
    return done;
  };
  const Result<Validation> result = validate_plan(test::narrow_plan(), options);
  if (!result) FAIL(result.error().text());
  CHECK(result->errors.empty());
}

TEST_CASE("what is wrong is said") {
  RunOptions options;
  options.tokens = 128;
  options.tolerance = 1e-30;
  Result<Validation> result = validate_plan(test::narrow_plan(), options);
  REQUIRE(result);
  CHECK_FALSE(result->right());
  CHECK_THAT(objection(*result), Contains("o is off by"));
  result->tolerance = 1;
  result->passes[0].measured.node += 2;
  CHECK(objection(*result) == "bytes or memory are not as predicted");
  result->leaks.push_back({});
  CHECK_THAT(objection(*result), Contains("document 0 leaks into document 0"));
}

TEST_CASE("times of operations stand beside those that the cost model gives them") {
  const auto cluster = load_cluster("single-gpu");
  REQUIRE(cluster);
  RunOptions options;
  options.tokens = 128;
  options.machine.emplace();
  options.machine->cluster = *cluster;
  options.machine->one_device = true;
  // An executor on which everything takes twice the predicted time, give or take a tenth of that.
  options.executor = [&](const Schedule& schedule, Tensors& tensors, const ExecuteOptions& run) {
    Result<Execution> done = execute(schedule, tensors, run);
    for (Index at = 0; done && at < schedule.operations.size(); ++at) {
      const double alone = seconds_alone(schedule, schedule.operations[at], cluster->device);
      CHECK(alone > 0);
      done->times.push_back({at, 0, 2 * alone, 0.2 * alone});
    }
    if (done) done->run_s = {3, 1, 2};
    return done;
  };
  const Result<Validation> result = validate_plan(test::narrow_plan(), options);
  REQUIRE(result);
  for (const PassRun& pass : result->passes) {
    REQUIRE(pass.times);
    std::size_t operations = 0;
    double predicted_s = 0;
    for (const KindTimes& kind : pass.times->kinds) {
      operations += kind.operations.size();
      predicted_s += kind.predicted_s();
      CHECK(kind.measured_s() == Approx(2 * kind.predicted_s()));
      CHECK(kind.mean_error() == Approx(0.5));
      CHECK(kind.mean_spread() == Approx(0.1));
    }
    CHECK(operations == pass.schedule.operations.size());
    CHECK(pass.times->predicted.seconds == Approx(predicted_s));
    CHECK(pass.times->measured_s == 2);
    CHECK(pass.times->spread_s == 2);
    CHECK(pass.times->repeats == 3);
  }
  CHECK_THAT(report(*result, false), Contains("-50.0 %") && Contains("median of 3 runs"));
  const json::Ordered times = to_json(*result)["passes"][0]["times"];
  CHECK(times["measured_s"] == 2);
  CHECK(times["kinds"][0]["mean_error"] == Approx(0.5));
  const json::Ordered& each = times["kinds"][0]["operations"];
  CHECK(each["operation"].size() == each["rank"].size());
  CHECK(each["predicted_s"][0].get<double>() == Approx(each["measured_s"][0].get<double>() / 2));
}

TEST_CASE("a batch that the plan does not have") {
  RunOptions options;
  options.batch = 1000;
  const Result<Validation> result = validate_plan(test::narrow_plan(), options);
  REQUIRE_FALSE(result);
  CHECK_THAT(result.error().text(), Contains("--batch: no such batch; found 1000"));
}

TEST_CASE("layers with a window run by themselves") {
  Plan plan = test::narrow_plan();
  RunOptions options;
  options.tokens = 64;
  options.window = true;
  const Result<Validation> none = validate_plan(plan, options);
  REQUIRE_FALSE(none);
  CHECK_THAT(none.error().text(), Contains("--window: no layer has a window; found llama3-8b"));
  plan.problem.model.window = 9;
  plan.problem.model.window_layers = 24;
  options.leaks = 3;
  const Result<Validation> result = validate_plan(plan, options);
  if (!result) FAIL(result.error().text());
  CHECK(result->right());
  CHECK(result->problem.mask == *parse_mask("sliding:9"));
  CHECK_THAT(report(*result, false), Contains("sliding:9"));
  CHECK_THAT(report(*result, false), Contains("layers with a window"));
  options.window = false;
  CHECK_THAT(report(*validate_plan(plan, options), false), Contains("--window runs the others"));
}

}  // namespace
}  // namespace hsap::validation
