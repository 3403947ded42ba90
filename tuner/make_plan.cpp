#include "tuner/make_plan.hpp"

#include <utility>

#include "hsap/compile.hpp"

namespace hsap {
namespace {

Breakdown step_parts(const Candidate& candidate) {
  const bool known = candidate.figures && candidate.figures->step;
  return known ? candidate.figures->step->breakdown : Breakdown{};
}

std::vector<Alternative> alternatives(const Search& search,
                                      const std::vector<std::size_t>& indices) {
  std::vector<Alternative> out;
  out.reserve(indices.size());
  for (const std::size_t index : indices) {
    const Candidate& candidate = search.candidates[index];
    out.push_back({candidate.strategy, candidate.replicas, candidate.seconds,
                   candidate.tokens_per_s, candidate.peak_bytes, step_parts(candidate)});
  }
  return out;
}

}  // namespace

Plan make_plan(const Search& search, PlanFrame frame) {
  const Candidate& best = search.candidates[*search.best];
  Plan plan;
  plan.problem = std::move(frame.problem);
  plan.cluster = std::move(frame.cluster);
  plan.training = frame.training;
  plan.strategy = best.strategy;
  plan.replicas = best.replicas;
  plan.predicted = *best.figures;
  plan.why = search.why;
  plan.runners_up = alternatives(search, search.runners_up);
  plan.pareto = alternatives(search, search.pareto);
  plan.provenance = std::move(frame.provenance);
  return plan;
}

Status embed_schedules(Plan& plan) {
  for (const PlannedPass& item : passes_of(plan)) {
    HSAP_TRY(Schedule schedule,
             compile(problem_of(plan, item.batch, item.window), plan.strategy, item.pass));
    plan.schedules.push_back({item.batch, std::move(schedule), item.window});
  }
  return {};
}

}  // namespace hsap
