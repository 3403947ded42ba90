#include <algorithm>

#include "fuzz/target.hpp"
#include "hsap/compile.hpp"
#include "hsap/plan.hpp"
#include "hsap/verify.hpp"

using namespace hsap;

namespace {

/// Small enough for many inputs a second.
bool is_small(const Plan& plan) {
  const auto short_batch = [](const Batch& batch) { return batch.tokens() <= 1 << 14; };
  return plan.strategy.ranks() <= 64 && plan.problem.batches.size() <= 4 &&
         std::all_of(plan.problem.batches.begin(), plan.problem.batches.end(), short_batch);
}

}  // namespace

/// Reading a plan never crashes; what a plan's strategy compiles to is right; what it embeds can be
/// verified.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Result<Plan> plan = parse_plan(fuzz::text_of(data, size), "plan.json");
  if (!plan) {
    fuzz::demand(!plan.error().text().empty());
    return 0;
  }
  if (!is_small(*plan)) return 0;
  for (const EmbeddedSchedule& embedded : plan->schedules) {
    const Problem problem = problem_of(*plan, embedded.batch, embedded.window);
    if (verify(embedded.schedule, problem) || embedded.schedule.pass == Pass::forward) continue;
    const Result<Schedule> forward = compile(problem, plan->strategy, Pass::forward);
    if (forward) static_cast<void>(check_saved(*forward, embedded.schedule));
  }
  for (const PlannedPass& item : passes_of(*plan)) {
    const Problem problem = problem_of(*plan, item.batch, item.window);
    const Result<Schedule> schedule = compile(problem, plan->strategy, item.pass);
    if (schedule) fuzz::demand(!verify(*schedule, problem));
  }
  return 0;
}
