#include "validate/cases/keep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/files.hpp"
#include "cli/program.hpp"
#include "export/json/cluster.hpp"
#include "export/json/strategy.hpp"
#include "validate/run/report.hpp"

namespace hsap::cases {
namespace {

using validation::Machine;
using validation::PassRun;
using validation::Validation;

bool is_shipped(const std::string& folder, const std::string& name) {
  const std::vector<std::string> names = shipped_names(folder);
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Whether any override is meant for the runtime, or any for the cluster.
bool changes(const Machine& machine, bool runtime) {
  return std::any_of(machine.overrides.begin(), machine.overrides.end(), [&](const Override& each) {
    if (each.path.starts_with("model.")) return false;
    return each.path.starts_with("runtime.") == runtime;
  });
}

/// By name where it ships with hsap as it was used, so that better numbers count; otherwise whole,
/// so that the case can be read anywhere.
json::Ordered cluster_of(const Machine& machine) {
  if (!changes(machine, false) && is_shipped("topologies", machine.cluster_name)) {
    return machine.cluster_name;
  }
  return to_json(machine.cluster);
}

Result<json::Ordered> runtime_of(const Machine& machine) {
  if (!changes(machine, true) && is_shipped("runtimes", machine.runtime_name)) {
    return json::Ordered(machine.runtime_name);
  }
  HSAP_TRY(const std::string path, find_input("runtimes", machine.runtime_name));
  HSAP_TRY(json::Value value, json::read(path));
  HSAP_CHECK(json::apply_overrides(value, machine.overrides, "runtime"));
  return json::Ordered(value);
}

json::Ordered case_of(const Validation& run, const PassRun& pass) {
  const Problem& problem = run.problem;
  const std::string name(to_string(pass.schedule.pass));
  const int per_node = run.machine->cluster.gpus_per_node();
  const int ranks = run.strategy.ranks();
  const bool one_device = run.machine->one_device;
  json::Ordered item = {{"name", fmt::format("{} of {} tokens, {}", name, problem.batch.tokens(),
                                             to_string(run.strategy))},
                        {"group", name},
                        {"nodes", one_device ? 1 : (ranks + per_node - 1) / per_node},
                        {"gpus_per_node", one_device ? 1 : std::min(ranks, per_node)},
                        {"documents", problem.batch.lengths},
                        {"heads", problem.heads.query},
                        {"kv_heads", problem.heads.key_value},
                        {"head_dim", problem.heads.dim},
                        {"mask", to_string(problem.mask)},
                        {"dtype", to_string(problem.dtype)},
                        {"pass", name},
                        {"strategy", to_json(run.strategy)}};
  if (problem.balanced_by) item["balanced_by"] = to_string(*problem.balanced_by);
  if (one_device) item["serialised"] = true;
  item["measured_s"] = pass.times->measured_s;
  return item;
}

}  // namespace

Result<json::Ordered> cases_of(const Validation& run, const std::string& date) {
  if (!validation::objection(run).empty()) return infeasible("a run that is wrong is not kept");
  if (!run.machine) return infeasible(fmt::format("not predicted: {}", run.where));
  const int per_node = run.machine->cluster.gpus_per_node();
  const int ranks = run.strategy.ranks();
  if (!run.machine->one_device && ranks > per_node && ranks % per_node != 0) {
    return infeasible(
        fmt::format("{} ranks do not fill nodes of {} GPUs, as a case must", ranks, per_node));
  }
  HSAP_TRY(json::Ordered runtime, runtime_of(*run.machine));
  json::Ordered setup = {{"hsap", std::string(cli::version())}, {"date", date}};
  for (const auto& [key, value] : run.passes.front().execution.setup) setup[key] = value;
  json::Ordered list = json::Ordered::array();
  for (const PassRun& pass : run.passes) list.push_back(case_of(run, pass));
  return json::Ordered{
      {"schema", "hsap.cases/1"},
      {"source", fmt::format("hsap-validate run as {}, median of {}{}", run.where,
                             run.passes.front().times->repeats,
                             run.compared ? "" : ", results not compared with the truth")},
      {"setup", std::move(setup)},
      {"cluster", cluster_of(*run.machine)},
      {"runtime", std::move(runtime)},
      {"cases", std::move(list)}};
}

std::string today() {
  const std::chrono::year_month_day day(
      std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now()));
  return fmt::format("{:04}-{:02}-{:02}", int(day.year()), unsigned(day.month()),
                     unsigned(day.day()));
}

}  // namespace hsap::cases
