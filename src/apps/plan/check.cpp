#include "apps/plan/check.hpp"

#include <fmt/format.h>

#include <optional>

#include "cli/parallel.hpp"
#include "export/plan/fingerprint.hpp"
#include "hsap/compile.hpp"
#include "hsap/verify.hpp"

namespace hsap::apps {
namespace {

Status check_batches(const Plan& plan) {
  const std::string hash = fnv1a64(batches_text(plan.problem.batches));
  for (const InputHash& input : plan.provenance.inputs) {
    if (input.what == "batches" && input.hash != hash) {
      return infeasible(fmt::format("the batches were changed: their hash is {}, the plan says {}",
                                    hash, input.hash));
    }
  }
  return {};
}

std::string verdict_of(const std::optional<Finding>& finding) {
  return finding ? finding->text() : std::string();
}

Result<Checked> check_compiled(const Plan& plan, const PlannedPass& item) {
  const Problem problem = problem_of(plan, item.batch, item.window);
  HSAP_TRY(const Schedule schedule, compile(problem, plan.strategy, item.pass));
  std::optional<Finding> finding = verify(schedule, problem);
  if (!finding && item.pass == Pass::backward) {
    HSAP_TRY(const Schedule forward, compile(problem, plan.strategy, Pass::forward));
    finding = check_saved(forward, schedule);
  }
  return Checked{name_of(item), schedule.operations.size(), verdict_of(finding)};
}

/// Holds a right embedded schedule against what runs in the other pass of its batch: an embedded
/// schedule, or else a compiled one.
Result<std::optional<Finding>> check_pair(const Plan& plan, const EmbeddedSchedule& embedded) {
  const Problem problem = problem_of(plan, embedded.batch, embedded.window);
  const bool is_forward = embedded.schedule.pass == Pass::forward;
  const Pass other = is_forward ? Pass::backward : Pass::forward;
  if (const Schedule* partner = embedded_of(plan, {embedded.batch, other, embedded.window})) {
    // Two embedded ones are held against each other once, and only where forward is right, too.
    if (is_forward || verify(*partner, problem)) return std::optional<Finding>();
    return check_saved(*partner, embedded.schedule);
  }
  if (is_forward && plan.problem.passes == Passes::forward) return std::optional<Finding>();
  HSAP_TRY(const Schedule compiled, compile(problem, plan.strategy, other));
  return is_forward ? check_saved(embedded.schedule, compiled)
                    : check_saved(compiled, embedded.schedule);
}

Result<Checked> check_embedded(const Plan& plan, const EmbeddedSchedule& embedded) {
  const PlannedPass item{embedded.batch, embedded.schedule.pass, embedded.window};
  std::optional<Finding> finding =
      verify(embedded.schedule, problem_of(plan, item.batch, item.window));
  if (!finding) {
    HSAP_TRY(finding, check_pair(plan, embedded));
  }
  return Checked{name_of(item) + ", embedded", embedded.schedule.operations.size(),
                 verdict_of(finding)};
}

}  // namespace

std::string name_of(const PlannedPass& item) {
  return fmt::format("batch {}, {}{}", item.batch, item.window ? "window, " : "",
                     to_string(item.pass));
}

Result<std::vector<Checked>> check_plan(const Plan& plan, int threads) {
  HSAP_CHECK(check_batches(plan));
  const std::vector<PlannedPass> passes = passes_of(plan);
  std::vector<std::optional<Result<Checked>>> results(passes.size() + plan.schedules.size());
  cli::parallel_for(threads, results.size(), [&](std::size_t i) {
    results[i] = i < passes.size() ? check_compiled(plan, passes[i])
                                   : check_embedded(plan, plan.schedules[i - passes.size()]);
  });
  std::vector<Checked> out;
  for (auto& result : results) {
    if (!*result) return std::move(*result).error();
    out.push_back(**std::move(result));
  }
  return out;
}

}  // namespace hsap::apps
