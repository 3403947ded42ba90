#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/files.hpp"
#include "export/json/figures.hpp"
#include "export/json/strategy.hpp"
#include "export/json/training.hpp"
#include "export/option_names.hpp"
#include "export/plan/schedule.hpp"
#include "hsap/plan.hpp"
#include "workload/read_model.hpp"

namespace hsap {
namespace {

constexpr int most_gpus = 1 << 20;

/// The lengths of one batch, of at most `context` tokens together.
Batch read_batch(json::Object& object, const std::string& key, const json::Value& list,
                 Token context) {
  Batch batch;
  if (!list.is_array() || list.empty()) {
    object.fail(key, "wrong type", json::brief(list), "an array of document lengths");
    return batch;
  }
  Token left = context;
  for (const json::Value& item : list) {
    const bool fits = item.is_number_integer() && item >= 1 && item <= left;
    if (!fits) {
      object.fail(key + "/" + std::to_string(batch.lengths.size()), "out of range",
                  json::brief(item),
                  fmt::format("a length of at least 1, together at most {}", context));
      return batch;
    }
    batch.lengths.push_back(item.get<Token>());
    left -= batch.lengths.back();
  }
  return batch;
}

/// Whether the mask makes no more slices of a batch than may be made.
void check_slices(json::Object& object, const std::string& key, const Mask& mask,
                  const Batch& batch) {
  const std::int64_t slices = count_slices(mask, batch);
  if (slices <= max_slices) return;
  object.fail(key, "too much for the mask", fmt::format("up to {} slices", slices),
              fmt::format("at most {}", max_slices));
}

std::vector<Batch> read_batches(json::Object& object, Token context, const Mask& mask) {
  std::vector<Batch> batches;
  const json::Value* lists = object.raw("batches");
  if (lists == nullptr) return batches;
  if (!lists->is_array() || lists->empty() || lists->size() > std::size_t{max_plan_batches}) {
    object.fail("batches", "wrong type", json::brief(*lists),
                fmt::format("an array of 1 to {} batches", max_plan_batches));
    return batches;
  }
  for (std::size_t i = 0; i < lists->size() && !object.failed(); ++i) {
    const std::string key = "batches/" + std::to_string(i);
    batches.push_back(read_batch(object, key, (*lists)[i], context));
    check_slices(object, key, mask, batches.back());
  }
  return batches;
}

PlanProblem read_problem(json::Object object) {
  PlanProblem problem;
  json::Object model = object.object("model");
  problem.model = read_model(model);
  model.done();
  problem.mask = object.parsed("mask", parse_mask);
  if (const auto masks = layer_masks(problem.model, problem.mask); !masks) {
    object.fail("mask", masks.error().message, masks.error().found, masks.error().expected);
  }
  problem.dtype = object.parsed("dtype", parse_dtype);
  problem.passes = object.parsed("pass", parse_passes);
  problem.context = static_cast<Token>(object.integer("context", 1, max_tokens));
  problem.trace = object.text("trace");
  problem.batches = read_batches(object, problem.context, problem.mask);
  object.done();
  return problem;
}

std::vector<Override> read_overrides(json::Object& object) {
  std::vector<Override> overrides;
  const std::vector<std::string> texts = object.texts("set", 1000);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::optional<Override> parsed = parse_override(texts[i]);
    if (!parsed) {
      object.fail("set/" + std::to_string(i), "not an override", "'" + texts[i] + "'", "key=value");
      break;
    }
    overrides.push_back(*std::move(parsed));
  }
  return overrides;
}

PlanCluster read_cluster(json::Object object) {
  PlanCluster cluster;
  cluster.name = object.text("name");
  cluster.nodes = static_cast<int>(object.integer("nodes", 1, most_gpus));
  cluster.gpus_per_node = static_cast<int>(object.integer("gpus_per_node", 1, most_gpus));
  cluster.gpus = static_cast<int>(object.integer("gpus", 1, most_gpus));
  cluster.runtime = object.text("runtime");
  cluster.overrides = read_overrides(object);
  const auto product = std::int64_t{cluster.nodes} * cluster.gpus_per_node;
  if (product != cluster.gpus) {
    object.fail("gpus", "does not follow from the nodes", std::to_string(cluster.gpus),
                std::to_string(product));
  }
  object.done();
  return cluster;
}

Training training_of(json::Object object) {
  const Training training = read_training(object, true);
  object.done();
  return training;
}

/// A list of groups must say what the strategy says.
void check_groups(json::Object& object, const std::string& key,
                  const std::vector<std::vector<int>>& expected) {
  const json::Value groups(expected);
  const json::Value* wanted = &groups;
  const json::Value* found = object.raw(key);
  if (found == nullptr || *found == *wanted) return;
  std::string at = key;
  // Down to the first difference: two lists of as many groups look alike from above.
  while (found->is_array() && wanted->is_array() && found->size() == wanted->size()) {
    const auto [left, right] = std::mismatch(found->begin(), found->end(), wanted->begin());
    at += "/" + std::to_string(left - found->begin());
    found = &*left;
    wanted = &*right;
  }
  object.fail(at, "does not follow from the strategy", json::brief(*found), json::brief(*wanted));
}

/// All other degrees are read.
void read_experts(json::Object& object, Plan& plan, int ranks) {
  Training& training = plan.training;
  training.expert_parallel =
      static_cast<int>(object.integer_or("expert_parallel", 1, 1, max_expert_parallel));
  if (object.failed()) return;
  Status possible = check_expert_parallel(plan.problem.model, training.expert_parallel,
                                          plan.cluster.gpus / training.pipeline_parallel);
  if (const Result<int> together =
          groups_together(training.expert_parallel, ranks * training.tensor_parallel);
      possible && !together) {
    possible = together.error();
  }
  if (possible) return;
  object.fail("expert_parallel", possible.error().message, std::to_string(training.expert_parallel),
              possible.error().expected);
}

void read_mesh(json::Object object, Plan& plan) {
  plan.training.tensor_parallel =
      static_cast<int>(object.integer("tensor_parallel", 1, plan.cluster.gpus_per_node));
  const Heads& heads = plan.problem.model.heads;
  const int tensor_parallel = plan.training.tensor_parallel;
  if (const Result<Heads> own = heads_per_rank(heads, tensor_parallel); !own) {
    object.fail("tensor_parallel", own.error().message, std::to_string(tensor_parallel),
                fmt::format("a divisor of {} query heads that keeps their groups", heads.query));
  }
  plan.replicas = static_cast<int>(object.integer("replicas", 1, most_gpus));
  const std::int64_t ranks = object.integer("ranks", 1, most_gpus);
  const auto product = std::int64_t{plan.strategy.ulysses} * plan.strategy.context_parallel;
  if (ranks != product) {
    object.fail("ranks", "does not follow from the strategy", std::to_string(ranks),
                std::to_string(product));
  }
  // None of the factors is more than 2^20, so this cannot overflow.
  plan.training.pipeline_parallel =
      static_cast<int>(object.integer_or("pipeline_parallel", 1, 1, max_pipeline_parallel));
  if (const Result<Pipeline> pipeline = pipeline_of(
          plan.problem.model, plan.training.pipeline_parallel, plan.training.virtual_stages);
      !pipeline) {
    object.fail("pipeline_parallel", pipeline.error().message,
                std::to_string(plan.training.pipeline_parallel), pipeline.error().expected);
  }
  const std::int64_t used = ranks * tensor_parallel * plan.training.pipeline_parallel;
  if (used > plan.cluster.gpus || used * plan.replicas != plan.cluster.gpus) {
    object.fail("replicas", "the groups do not fill the cluster",
                fmt::format("{} replicas of {} GPUs", plan.replicas, used),
                fmt::format("{} GPUs together", plan.cluster.gpus));
  }
  if (plan.training.global_batch % plan.replicas != 0) {
    object.fail("replicas", "the groups cannot share the global batch evenly",
                std::to_string(plan.replicas),
                fmt::format("a divisor of {}", plan.training.global_batch));
  }
  read_experts(object, plan, static_cast<int>(ranks));
  if (object.failed()) return;
  const PlanMesh mesh = mesh_of(plan.strategy, tensor_parallel);
  check_groups(object, "ulysses_groups", mesh.ulysses_groups);
  check_groups(object, "context_groups", mesh.context_groups);
  object.done();
}

Figures read_figures(json::Object object) {
  Figures figures;
  figures.attention = read_attention(object.object("attention"));
  figures.bound = read_bound(object.object("bound"));
  if (object.has("step")) figures.step = read_step(object.object("step"));
  figures.memory = read_memory(object.object("memory"));
  figures.limit = object.text("limit");
  object.done();
  return figures;
}

Strategy strategy_of(json::Object object) {
  const Strategy strategy = read_strategy(object);
  object.done();
  return strategy;
}

std::vector<Alternative> read_alternatives(json::Object& parent, const std::string& key) {
  std::vector<Alternative> alternatives;
  for (json::Object& object : parent.objects(key, 100000)) {
    Alternative alternative;
    alternative.strategy = strategy_of(object.object("strategy"));
    alternative.replicas = static_cast<int>(object.integer("replicas", 1, most_gpus));
    alternative.seconds = object.number("seconds", json::not_negative);
    alternative.tokens_per_s = object.number("tokens_per_s", json::not_negative);
    alternative.peak_bytes = object.integer("peak_bytes", 0, most_figure_bytes);
    if (object.has("breakdown")) alternative.breakdown = read_breakdown(object, "breakdown");
    object.done();
    alternatives.push_back(alternative);
  }
  return alternatives;
}

Provenance read_provenance(json::Object object) {
  Provenance provenance;
  provenance.version = object.text("version");
  provenance.seed = static_cast<std::uint64_t>(
      object.integer("seed", 0, std::numeric_limits<std::int64_t>::max()));
  for (json::Object& item : object.objects("inputs", 100)) {
    InputHash input{item.text("what"), item.text("name"), item.text("fnv1a64")};
    item.done();
    provenance.inputs.push_back(std::move(input));
  }
  object.done();
  return provenance;
}

std::vector<EmbeddedSchedule> read_schedules(json::Object& root, std::size_t batches,
                                             bool windows) {
  std::vector<EmbeddedSchedule> schedules;
  if (!root.has("schedules")) return schedules;
  for (json::Object& object : root.objects("schedules", (windows ? 4 : 2) * batches)) {
    EmbeddedSchedule embedded;
    embedded.batch = static_cast<int>(object.integer(
        "batch", 0, std::max<std::int64_t>(1, static_cast<std::int64_t>(batches)) - 1));
    embedded.window = windows && object.boolean_or("window", false);
    embedded.schedule = read_schedule(object.object("schedule"));
    object.done();
    schedules.push_back(std::move(embedded));
  }
  return schedules;
}

Plan read_members(json::Object& root) {
  Plan plan;
  plan.problem = read_problem(root.object("problem"));
  plan.cluster = read_cluster(root.object("cluster"));
  plan.training = training_of(root.object("training"));
  plan.strategy = strategy_of(root.object("strategy"));
  read_mesh(root.object("mesh"), plan);
  plan.predicted = read_figures(root.object("predicted"));
  plan.why = root.texts("why", 1000);
  plan.runners_up = read_alternatives(root, "runners_up");
  plan.pareto = read_alternatives(root, "pareto");
  plan.provenance = read_provenance(root.object("provenance"));
  if (root.failed()) return plan;
  plan.schedules = read_schedules(root, plan.problem.batches.size(), has_window(plan));
  return plan;
}

}  // namespace

Result<Plan> parse_plan(const std::string& text, const std::string& file) {
  HSAP_TRY(const json::Value value, json::parse(text, file));
  json::Object root(value, file);
  const std::string schema = root.text("schema");
  if (schema != "hsap.plan/1") {
    root.fail("schema", "not a plan that this version reads", "'" + schema + "'", "'hsap.plan/1'");
    HSAP_CHECK(root.finish());
  }
  Plan plan = read_members(root);
  HSAP_CHECK(root.finish());
  return plan;
}

Result<Plan> read_plan(const std::string& path) {
  HSAP_TRY(const std::string text, read_file(path, max_plan_bytes));
  return parse_plan(text, path);
}

}  // namespace hsap
