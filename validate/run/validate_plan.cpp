#include "validate/run/validate_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "hsap/buffer_plan.hpp"
#include "hsap/compile.hpp"
#include "hsap/verify.hpp"
#include "validate/probe/probe.hpp"
#include "validate/run/scale.hpp"

namespace hsap::validation {
namespace {

double tolerance_of(const Problem& problem, const Strategy& strategy, const RunOptions& options) {
  if (options.tolerance > 0) return options.tolerance;
  if (options.arithmetic == Arithmetic::fp64) return 1e-10;
  // Partial gradients in bf16 are rounded at every hop.
  if (strategy.context_parallel > 1 && strategy.gradient_dtype == Dtype::bf16) return 3e-2;
  return problem.dtype == Dtype::bf16 ? 1e-2 : 2e-6;
}

Result<Problem> problem_to_run(const Plan& plan, const RunOptions& options) {
  const auto batches = static_cast<int>(plan.problem.batches.size());
  if (options.batch >= batches) {
    Error error = bad_input("no such batch", std::to_string(options.batch),
                            fmt::format("a number below {}", batches));
    error.file = "--batch";
    return error;
  }
  if (options.window && !has_window(plan)) {
    Error error = bad_input("no layer has a window", plan.problem.model.name,
                            "a model whose layers differ in their mask");
    error.file = "--window";
    return error;
  }
  Problem problem = problem_of(plan, options.batch, options.window);
  problem.batch = shrink(problem.batch, options.tokens);
  problem.dtype = options.dtype.value_or(problem.dtype);
  return problem;
}

/// A backward schedule must find what forward left: the one that runs before it, or where backward
/// runs alone the one that would.
Status check_inputs(const Plan& plan, const Problem& problem,
                    const std::vector<Schedule>& schedules) {
  if (schedules.back().pass == Pass::forward) return {};
  std::optional<Finding> finding;
  if (schedules.front().pass == Pass::forward) {
    finding = check_saved(schedules.front(), schedules.back());
  } else {
    HSAP_TRY(const Schedule forward, compile(problem, plan.strategy, Pass::forward));
    finding = check_saved(forward, schedules.back());
  }
  if (!finding) return {};
  return infeasible(fmt::format("the backward schedule is wrong: {}", finding->text()));
}

/// The schedules to run: those that the plan embeds where it does and nothing was changed about
/// the problem, otherwise what its strategy compiles to.
Result<std::vector<Schedule>> schedules_of(const Plan& plan, const Problem& problem,
                                           const RunOptions& options) {
  const Problem planned = problem_of(plan, options.batch, options.window);
  const bool as_planned = planned.batch == problem.batch && planned.dtype == problem.dtype;
  std::vector<Schedule> schedules;
  for (const PlannedPass& item : passes_of(plan)) {
    if (item.batch != options.batch || item.window != options.window) continue;
    const Schedule* embedded = embedded_of(plan, item);
    if (as_planned && embedded != nullptr) {
      schedules.push_back(*embedded);
      continue;
    }
    HSAP_TRY(Schedule schedule, compile(problem, plan.strategy, item.pass));
    schedules.push_back(std::move(schedule));
  }
  for (const Schedule& schedule : schedules) {
    if (const auto finding = verify(schedule, problem)) {
      return infeasible(
          fmt::format("the {} schedule is wrong: {}", to_string(schedule.pass), finding->text()));
    }
  }
  HSAP_CHECK(check_inputs(plan, problem, schedules));
  return schedules;
}

/// What is under way, for who waits.
class Steps {
 public:
  Steps(const RunOptions& options, std::size_t total) : options_(options), total_(total) {}

  void begin(const std::string& what) { options_.progress(what, ++begun_, total_); }

 private:
  const RunOptions& options_;
  std::size_t total_;
  std::size_t begun_ = 0;
};

/// Runs the passes one after the other: backward begins with what forward left, or where there is
/// no forward with the truth.
Result<std::vector<Execution>> run_passes(const std::vector<Schedule>& schedules,
                                          const Problem& problem, Tensors& tensors,
                                          const RunOptions& options) {
  if (schedules.front().pass == Pass::backward) {
    Tensors truth = tensors;
    truth[Role::dout] = {};
    reference_attention(problem, truth);
    tensors[Role::o] = truth[Role::o];
    tensors[Role::lse] = truth[Role::lse];
  }
  std::vector<Execution> executions;
  for (const Schedule& schedule : schedules) {
    HSAP_TRY(Execution execution,
             options.executor(schedule, tensors, {options.arithmetic, options.patience_s}));
    executions.push_back(std::move(execution));
  }
  return executions;
}

/// Of the only device, or of the fullest.
std::int64_t on_device(const std::vector<std::int64_t>& bytes, bool one_device) {
  return one_device ? std::accumulate(bytes.begin(), bytes.end(), std::int64_t{0})
                    : *std::max_element(bytes.begin(), bytes.end());
}

Result<PassRun> describe(const Schedule& schedule, Execution execution, int node_ranks,
                         const std::optional<Machine>& machine) {
  PassRun run;
  run.schedule = schedule;
  run.predicted = predicted_bytes(schedule, node_ranks);
  run.measured = measured_bytes(execution, node_ranks);
  run.planned_buffer_bytes = plan_buffers(schedule).bytes;
  run.measured_buffer_bytes = execution.peak_buffer_bytes;
  run.planned_device_bytes =
      on_device(run.planned_buffer_bytes, machine.has_value() && machine->one_device);
  if (machine) {
    HSAP_TRY(Timeline predicted, predict(schedule, execution, *machine));
    run.times = compare_times(schedule, execution, std::move(predicted));
  }
  run.execution = std::move(execution);
  return run;
}

std::vector<Role> results_of(const std::vector<Schedule>& schedules) {
  std::vector<Role> roles;
  for (const Schedule& schedule : schedules) {
    if (schedule.pass == Pass::forward) {
      roles.insert(roles.end(), {Role::o, Role::lse});
    } else {
      roles.insert(roles.end(), {Role::dq, Role::dk, Role::dv});
    }
  }
  return roles;
}

Status probe_leaks(const std::vector<Schedule>& schedules, const Probe& probe, const Tensors& base,
                   const RunOptions& options, Steps& steps, Validation& validation) {
  const Problem& problem = validation.problem;
  const std::vector<Role> roles = results_of(schedules);
  validation.perturbed = probe.replaced;
  for (const int document : probe.replaced) {
    steps.begin(fmt::format("with document {} changed", document));
    Tensors changed = replaced_inputs(probe, document);
    HSAP_TRY(const auto ran, run_passes(schedules, problem, changed, options));
    if (!options.tells) continue;  // the document may have no rows here
    if (changed[roles.front()] == base[roles.front()]) {
      return internal_error(
          fmt::format("changing document {} changed nothing, so the probe sees nothing", document));
    }
    const std::vector<Leak> leaks =
        find_leaks(problem, document, base, changed, options.query_gradients);
    validation.leaks.insert(validation.leaks.end(), leaks.begin(), leaks.end());
  }
  return {};
}

void compare_with_truth(const std::vector<Schedule>& schedules, const Tensors& tensors,
                        const RunOptions& options, Validation& validation) {
  const Problem& problem = validation.problem;
  Tensors truth = random_inputs(problem, options.seed);
  reference_attention(problem, truth);
  for (const Role role : results_of(schedules)) {
    validation.errors.push_back(
        compare(problem, role, truth[role], tensors[role], schedules.front()));
  }
  if (options.gradients > 0 && schedules.back().pass == Pass::backward) {
    validation.gradients = check_gradients(problem, tensors, options.seed, options.gradients);
  }
}

}  // namespace

bool PassRun::bytes_agree() const {
  return predicted == measured && planned_buffer_bytes == measured_buffer_bytes;
}

bool Validation::right() const {
  const auto within = [&](const auto& error) { return error.relative <= tolerance; };
  const auto agrees = [&](const PassRun& run) {
    return arithmetic == Arithmetic::fp64 || run.bytes_agree();
  };
  return leaks.empty() && std::all_of(errors.begin(), errors.end(), within) &&
         std::all_of(gradients.begin(), gradients.end(), within) &&
         std::all_of(passes.begin(), passes.end(), agrees);
}

Result<Validation> validate_plan(const Plan& plan, const RunOptions& options) {
  Validation validation;
  HSAP_TRY(validation.problem, problem_to_run(plan, options));
  const Problem& problem = validation.problem;
  validation.planned_tokens = problem_of(plan, options.batch).batch.tokens();
  validation.other_layers = has_window(plan);
  validation.strategy = plan.strategy;
  validation.arithmetic = options.arithmetic;
  validation.executor = options.executor_name;
  validation.where = options.where;
  validation.compared = options.compares;
  validation.machine = options.machine;
  validation.tolerance = tolerance_of(problem, plan.strategy, options);
  HSAP_TRY(const std::vector<Schedule> schedules, schedules_of(plan, problem, options));
  const bool compares = options.compares && options.tells;
  std::optional<Probe> probe;
  if (options.leaks > 0) probe = make_probe(problem, options.seed, options.leaks);
  Steps steps(options, 1 + (probe ? probe->replaced.size() : 0) + (compares ? 1 : 0));
  Tensors tensors = random_inputs(problem, options.seed);
  steps.begin("running");
  HSAP_TRY(std::vector<Execution> executions, run_passes(schedules, problem, tensors, options));
  const int node_ranks = std::max(1, plan.cluster.gpus_per_node / plan.training.tensor_parallel);
  for (std::size_t i = 0; i < schedules.size(); ++i) {
    HSAP_TRY(PassRun run,
             describe(schedules[i], std::move(executions[i]), node_ranks, options.machine));
    validation.passes.push_back(std::move(run));
  }
  // Before the truth is computed, for which other processes would wait in the next run.
  if (probe) HSAP_CHECK(probe_leaks(schedules, *probe, tensors, options, steps, validation));
  if (compares) {
    steps.begin("comparing with float64");
    compare_with_truth(schedules, tensors, options, validation);
  }
  return validation;
}

}  // namespace hsap::validation
