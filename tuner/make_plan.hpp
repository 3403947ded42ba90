#pragma once

#include "hsap/plan.hpp"
#include "hsap/tune.hpp"

namespace hsap {

/// What a plan says beside the search.
struct PlanFrame {
  PlanProblem problem;
  PlanCluster cluster;
  Training training;
  Provenance provenance;
};

/// The plan of a search that has a best candidate.
[[nodiscard]] Plan make_plan(const Search& search, PlanFrame frame);

/// Compiles every batch and pass of the plan and keeps the schedules in it.
[[nodiscard]] Status embed_schedules(Plan& plan);

}  // namespace hsap
