#include "apps/plan_check.hpp"

#include <fmt/format.h>

#include <optional>

#include "cli/parallel.hpp"
#include "export/fingerprint.hpp"
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

Checked checked(const Plan& plan, const std::string& what, int batch, const Schedule& schedule) {
  Checked out{what, schedule.operations.size(), {}};
  if (const std::optional<Finding> finding = verify(schedule, problem_of(plan, batch))) {
    out.finding = finding->text();
  }
  return out;
}

Result<Checked> check_compiled(const Plan& plan, const PlannedPass& item) {
  HSAP_TRY(const Schedule schedule,
           compile(problem_of(plan, item.batch), plan.strategy, item.pass));
  return checked(plan, fmt::format("batch {}, {}", item.batch, to_string(item.pass)), item.batch,
                 schedule);
}

Result<Checked> check_embedded(const Plan& plan, const EmbeddedSchedule& embedded) {
  return checked(
      plan,
      fmt::format("batch {}, {}, embedded", embedded.batch, to_string(embedded.schedule.pass)),
      embedded.batch, embedded.schedule);
}

}  // namespace

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
