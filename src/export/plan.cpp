#include "hsap/plan.hpp"

namespace hsap {

Mesh mesh_of(const Strategy& strategy, int tensor_parallel) {
  const int ulysses = strategy.ulysses;
  const int context = strategy.context_parallel;
  const auto global_rank = [&](int u, int c) {
    const bool inner = strategy.order == Order::ulysses_inner;
    return (inner ? c * ulysses + u : u * context + c) * tensor_parallel;
  };
  Mesh mesh;
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

Problem problem_of(const Plan& plan, int batch) {
  Problem problem;
  problem.batch = plan.problem.batches[static_cast<std::size_t>(batch)];
  problem.mask = plan.problem.mask;
  problem.heads = plan.problem.model.heads;
  problem.dtype = plan.problem.dtype;
  return problem;
}

double objective_seconds(const Figures& figures) {
  if (figures.step) return figures.step->seconds;
  return figures.attention.forward_s + figures.attention.backward_s;
}

}  // namespace hsap
