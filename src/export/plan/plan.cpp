#include "hsap/plan.hpp"

#include <algorithm>

namespace hsap {

PlanMesh mesh_of(const Strategy& strategy, int tensor_parallel) {
  const int ulysses = strategy.ulysses;
  const int context = strategy.context_parallel;
  const auto global_rank = [&](int u, int c) {
    const bool inner = strategy.order == Order::ulysses_inner;
    return (inner ? c * ulysses + u : u * context + c) * tensor_parallel;
  };
  PlanMesh mesh;
  mesh.ulysses_groups.resize(static_cast<std::size_t>(context));
  mesh.context_groups.resize(static_cast<std::size_t>(ulysses));
  for (int c = 0; c < context; ++c) {
    for (int u = 0; u < ulysses; ++u) {
      mesh.ulysses_groups[static_cast<std::size_t>(c)].push_back(global_rank(u, c));
      mesh.context_groups[static_cast<std::size_t>(u)].push_back(global_rank(u, c));
    }
  }
  return mesh;
}

bool has_window(const Plan& plan) {
  return layer_masks(plan.problem.model, plan.problem.mask)->size() > 1;
}

Problem problem_of(const Plan& plan, int batch, bool window) {
  Problem problem;
  problem.batch = plan.problem.batches[static_cast<std::size_t>(batch)];
  problem.mask = plan.problem.mask;
  problem.heads = *heads_per_rank(plan.problem.model.heads, plan.training.tensor_parallel);
  problem.dtype = plan.problem.dtype;
  if (window) {
    problem.balanced_by = problem.mask;
    problem.mask = layer_masks(plan.problem.model, problem.mask)->back().mask;
  }
  return problem;
}

std::vector<PlannedPass> passes_of(const Plan& plan) {
  std::vector<PlannedPass> out;
  for (std::size_t i = 0; i < plan.problem.batches.size(); ++i) {
    for (const bool window : {false, true}) {
      if (window && !has_window(plan)) continue;
      for (const Pass pass : {Pass::forward, Pass::backward}) {
        if (covers(plan.problem.passes, pass)) out.push_back({static_cast<int>(i), pass, window});
      }
    }
  }
  return out;
}

const Schedule* embedded_of(const Plan& plan, const PlannedPass& item) {
  const auto found =
      std::find_if(plan.schedules.begin(), plan.schedules.end(), [&](const auto& each) {
        return each.batch == item.batch && each.window == item.window &&
               each.schedule.pass == item.pass;
      });
  return found == plan.schedules.end() ? nullptr : &found->schedule;
}

}  // namespace hsap
