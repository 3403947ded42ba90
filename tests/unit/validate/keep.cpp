// A run that is kept as measured cases and predicted again from them.
#include "validate/cases/keep.hpp"

#include <catch2/catch.hpp>
#include <variant>

#include "support/sample_plan.hpp"
#include "validate/cases/predict_case.hpp"
#include "validate/device/fake_device.hpp"
#include "validate/gpu/execute_local.hpp"

namespace hsap::cases {
namespace {

using Catch::Contains;
using validation::Machine;
using validation::RunOptions;
using validation::Validation;

Machine machine_of(const Plan& plan, const std::string& cluster) {
  Result<Machine> machine = validation::machine_of(plan, cluster);
  if (!machine) FAIL(machine.error().text());
  return *std::move(machine);
}

/// A run of the plan on a fake device that stands for the machine.
Validation run(const Plan& plan, const Machine& machine, bool window = false) {
  RunOptions options;
  options.window = window;
  options.tokens = 32;
  options.where = "streams of a fake device";
  options.machine = machine;
  options.executor = [](const Schedule& schedule, Tensors& tensors, const ExecuteOptions&) {
    device::FakeDevice device(1);
    return executor::execute_local(schedule, tensors, device, {true, 3});
  };
  Result<Validation> result = validation::validate_plan(plan, options);
  if (!result) FAIL(result.error().text());
  return *std::move(result);
}

CaseFile kept(const Validation& validation) {
  const Result<json::Ordered> cases = cases_of(validation, "2026-03-01");
  if (!cases) FAIL(cases.error().text());
  const auto value = json::parse(cases->dump(), "kept.json");
  REQUIRE(value);
  Result<CaseFile> file = parse_cases(*value, "kept.json");
  if (!file) FAIL(file.error().text());
  return *std::move(file);
}

/// Every pass is a case with the time that was measured and the prediction that was made.
void check_agrees(const CaseFile& file, const Validation& validation) {
  REQUIRE(file.cases.size() == validation.passes.size());
  const auto outcomes = predict_all(file, 1);
  if (!outcomes) FAIL(outcomes.error().text());
  for (std::size_t i = 0; i < file.cases.size(); ++i) {
    const validation::PassTimes& times = *validation.passes[i].times;
    CHECK(file.cases[i].measured == times.measured_s);
    CHECK((*outcomes)[i].predicted == Approx(times.predicted.seconds));
    CHECK(file.cases[i].group == to_string(validation.passes[i].schedule.pass));
  }
}

TEST_CASE("a run on one GPU, one operation after the other") {
  const Result<Machine> machine = validation::one_device_of("a800");
  REQUIRE(machine);
  const Validation validation = run(test::narrow_plan(), *machine);
  const CaseFile file = kept(validation);
  check_agrees(file, validation);
  CHECK(file.cluster.name == "a800");
  CHECK_THAT(file.source, Contains("streams of a fake device, median of 3"));
  const std::map<std::string, std::string> setup(file.setup.begin(), file.setup.end());
  CHECK(setup.at("date") == "2026-03-01");
  CHECK(setup.at("device") == "a fake in host memory");
  CHECK(setup.count("hsap") == 1);
}

TEST_CASE("a run on the cluster of the plan, with what the plan changed about it") {
  Plan plan = test::narrow_plan();
  plan.cluster.overrides.push_back({"runtime.duplex", "false"});
  const Validation validation = run(plan, machine_of(plan, ""));
  const CaseFile file = kept(validation);
  check_agrees(file, validation);
  CHECK(file.cluster.curves[static_cast<int>(LinkClass::nic)].bandwidth_bytes_per_s == 100e9);
  CHECK_FALSE(file.runtime.duplex);
}

TEST_CASE("a run on two nodes of another cluster") {
  Plan plan = test::narrow_plan();
  plan.strategy.context_parallel = 8;
  const Validation validation = run(plan, machine_of(plan, "hgx-h200"));
  const CaseFile file = kept(validation);
  check_agrees(file, validation);
  CHECK(file.cases[0].nodes == 2);
  CHECK(file.cases[0].gpus_per_node == 8);
}

TEST_CASE("a run of layers with a window, whose tokens lie as others need them") {
  Plan plan = test::narrow_plan();
  plan.problem.model.window = 1;
  plan.problem.model.window_layers = 24;
  const Validation validation = run(plan, machine_of(plan, ""), true);
  const CaseFile file = kept(validation);
  check_agrees(file, validation);
  const Problem& problem = std::get<Attention>(file.cases[0].work).problems.front();
  CHECK(problem.mask == *parse_mask("sliding:1"));
  CHECK(problem.balanced_by == *parse_mask("causal"));
}

std::string objection_of(const Validation& validation) {
  const Result<json::Ordered> cases = cases_of(validation, "2026-03-01");
  REQUIRE_FALSE(cases);
  return cases.error().text();
}

TEST_CASE("what cannot be predicted again is not kept") {
  Plan plan = test::narrow_plan();
  plan.strategy.context_parallel = 6;  // 12 ranks on nodes of 8
  Validation validation = run(plan, machine_of(plan, ""));
  CHECK_THAT(objection_of(validation), Contains("12 ranks do not fill nodes of 8 GPUs"));
  validation.machine.reset();
  CHECK_THAT(objection_of(validation), Contains("not predicted: streams of a fake device"));
  validation.errors.front().relative = 1;
  CHECK_THAT(objection_of(validation), Contains("wrong"));
}

TEST_CASE("a serialised case is of one GPU") {
  const Result<Machine> machine = validation::one_device_of("dgx-h100");
  REQUIRE(machine);
  Result<json::Ordered> cases = cases_of(run(test::narrow_plan(), *machine), "2026-03-01");
  REQUIRE(cases);
  (*cases)["cases"][0]["gpus_per_node"] = 8;
  const Result<CaseFile> file = parse_cases(json::Value(*cases), "kept.json");
  REQUIRE(file);
  const auto outcomes = predict_all(*file, 1);
  REQUIRE_FALSE(outcomes);
  CHECK_THAT(outcomes.error().text(),
             Contains("/cases/0") && Contains("a serialised run has one GPU"));
}

TEST_CASE("today is a date") {
  const std::string date = today();
  REQUIRE(date.size() == 10);
  CHECK(date[4] == '-');
  CHECK(date > "2026");
}

}  // namespace
}  // namespace hsap::cases
