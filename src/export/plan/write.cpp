#include "export/json/figures.hpp"
#include "export/json/model.hpp"
#include "export/json/strategy.hpp"
#include "export/json/text.hpp"
#include "export/json/training.hpp"
#include "export/option_names.hpp"
#include "export/plan/schedule.hpp"
#include "hsap/plan.hpp"

namespace hsap {
namespace {

using json::Ordered;

Ordered problem_json(const PlanProblem& problem) {
  Ordered out;
  out["model"] = to_json(problem.model);
  out["mask"] = to_string(problem.mask);
  out["dtype"] = to_string(problem.dtype);
  out["pass"] = to_string(problem.passes);
  out["context"] = problem.context;
  out["trace"] = problem.trace;
  out["batches"] = Ordered::array();
  for (const Batch& batch : problem.batches) out["batches"].push_back(batch.lengths);
  return out;
}

Ordered cluster_json(const PlanCluster& cluster) {
  Ordered out;
  out["name"] = cluster.name;
  out["nodes"] = cluster.nodes;
  out["gpus_per_node"] = cluster.gpus_per_node;
  out["gpus"] = cluster.gpus;
  out["runtime"] = cluster.runtime;
  out["set"] = Ordered::array();
  for (const Override& set : cluster.overrides) out["set"].push_back(set.path + "=" + set.value);
  return out;
}

Ordered mesh_json(const Plan& plan) {
  const PlanMesh mesh = mesh_of(plan.strategy, plan.training.tensor_parallel);
  Ordered out;
  out["ranks"] = plan.strategy.ranks();
  out["tensor_parallel"] = plan.training.tensor_parallel;
  if (plan.training.pipeline_parallel > 1) {
    out["pipeline_parallel"] = plan.training.pipeline_parallel;
  }
  if (plan.training.expert_parallel > 1) {
    out["expert_parallel"] = plan.training.expert_parallel;
  }
  out["replicas"] = plan.replicas;
  out["ulysses_groups"] = mesh.ulysses_groups;
  out["context_groups"] = mesh.context_groups;
  return out;
}

Ordered figures_json(const Figures& figures) {
  Ordered out;
  out["attention"] = to_json(figures.attention);
  out["bound"] = to_json(figures.bound);
  if (figures.step) out["step"] = to_json(*figures.step);
  out["memory"] = to_json(figures.memory);
  out["limit"] = figures.limit;
  return out;
}

Ordered alternatives_json(const std::vector<Alternative>& alternatives) {
  Ordered out = Ordered::array();
  for (const Alternative& alternative : alternatives) {
    Ordered item;
    item["strategy"] = to_json(alternative.strategy);
    item["replicas"] = alternative.replicas;
    item["seconds"] = alternative.seconds;
    item["tokens_per_s"] = alternative.tokens_per_s;
    item["peak_bytes"] = alternative.peak_bytes;
    if (!alternative.breakdown.empty()) item["breakdown"] = to_json(alternative.breakdown);
    out.push_back(std::move(item));
  }
  return out;
}

Ordered provenance_json(const Provenance& provenance) {
  Ordered out;
  out["version"] = provenance.version;
  out["seed"] = provenance.seed;
  out["inputs"] = Ordered::array();
  for (const InputHash& input : provenance.inputs) {
    Ordered item;
    item["what"] = input.what;
    item["name"] = input.name;
    item["fnv1a64"] = input.hash;
    out["inputs"].push_back(std::move(item));
  }
  return out;
}

Ordered schedules_json(const std::vector<EmbeddedSchedule>& schedules) {
  Ordered out = Ordered::array();
  for (const EmbeddedSchedule& embedded : schedules) {
    Ordered item;
    item["batch"] = embedded.batch;
    if (embedded.window) item["window"] = true;
    item["schedule"] = to_json(embedded.schedule);
    out.push_back(std::move(item));
  }
  return out;
}

}  // namespace

std::string plan_text(const Plan& plan) {
  Ordered out;
  out["schema"] = "hsap.plan/1";
  out["problem"] = problem_json(plan.problem);
  out["cluster"] = cluster_json(plan.cluster);
  out["training"] = to_json(plan.training);
  out["strategy"] = to_json(plan.strategy);
  out["mesh"] = mesh_json(plan);
  out["predicted"] = figures_json(plan.predicted);
  out["why"] = plan.why;
  out["runners_up"] = alternatives_json(plan.runners_up);
  out["pareto"] = alternatives_json(plan.pareto);
  out["provenance"] = provenance_json(plan.provenance);
  if (!plan.schedules.empty()) out["schedules"] = schedules_json(plan.schedules);
  return json_text(out);
}

}  // namespace hsap
