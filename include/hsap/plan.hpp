#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hsap/batch.hpp"
#include "hsap/cluster.hpp"
#include "hsap/cost.hpp"
#include "hsap/mask.hpp"
#include "hsap/model.hpp"
#include "hsap/predict.hpp"
#include "hsap/schedule.hpp"
#include "hsap/status.hpp"
#include "hsap/strategy.hpp"

namespace hsap {

/// What a plan is for: the model and the data it was searched with.
struct PlanProblem {
  Model model;
  Mask mask;
  Dtype dtype = Dtype::bf16;
  Passes passes = Passes::both;
  Token context = 0;           ///< tokens in the longest batch that the plan must hold
  std::string trace;           ///< name of the data; empty when documents were given
  std::vector<Batch> batches;  ///< the sampled batches; the predictions are over these
};

/// Where it runs.
struct PlanCluster {
  std::string name;  ///< as the user gave it: a shipped name or a path
  int nodes = 1;
  int gpus = 1;
  int gpus_per_node = 1;
  std::string runtime;              ///< name of the runtime profile
  std::vector<Override> overrides;  ///< of the cluster, the model and the runtime, in order
};

/// Predicted figures of one strategy over the batches of a plan: means, but for memory, which is
/// that of the batch that needs most.
struct Figures {
  AttentionTimes attention;  ///< of the mean layer
  Bound bound;               ///< of the mean layer
  std::optional<StepTimes> step;
  Memory memory;
  std::string limit;  ///< what limits the run, in words
};

/// A strategy that was not chosen, or one point of the Pareto set.
struct Alternative {
  Strategy strategy;
  int replicas = 1;
  double seconds = 0;       ///< of a step, or of one layer's attention when there are no layers
  double tokens_per_s = 0;  ///< of the whole cluster
  std::int64_t peak_bytes = 0;
  Breakdown breakdown = {};  ///< of the step in seconds; empty when there are no layers
};

/// One input that decided the plan, by the FNV-1a 64 hash of its text.
struct InputHash {
  std::string what;  ///< "cluster", "model", "runtime", "trace", "batches"
  std::string name;
  std::string hash;  ///< 16 hexadecimal digits
};

/// Enough to make the plan again. No time of day: equal inputs give equal bytes.
struct Provenance {
  std::string version;
  std::uint64_t seed = 0;
  std::vector<InputHash> inputs;
};

/// The compiled schedule of one pass of one batch.
struct EmbeddedSchedule {
  int batch = 0;
  Schedule schedule;
  bool window = false;  ///< of layers that have one
};

/// A decision and the reasons for it, complete enough to train with and to check again.
/// File format: docs/plan-format.md.
struct Plan {
  PlanProblem problem;
  PlanCluster cluster;
  Training training;
  Strategy strategy;
  int replicas = 1;  ///< data-parallel copies of the group
  Figures predicted;
  std::vector<std::string> why;  ///< sentences
  std::vector<Alternative> runners_up;
  std::vector<Alternative> pareto;  ///< by time, ascending; memory descends
  Provenance provenance;
  std::vector<EmbeddedSchedule> schedules;  ///< in the order of passes_of(); empty unless asked for
};

/// The ranks of the first replica as global ranks of the training job. With tensor parallelism T
/// rank r of the group is global ranks r T .. r T + T - 1, of which the first stands here.
struct PlanMesh {
  std::vector<std::vector<int>> ulysses_groups;  ///< C groups of U: share a token shard
  std::vector<std::vector<int>> context_groups;  ///< U groups of C: share heads
};
[[nodiscard]] PlanMesh mesh_of(const Strategy& strategy, int tensor_parallel);

/// Whether some layers of the plan's model see less than its mask.
[[nodiscard]] bool has_window(const Plan& plan);

/// Attention of one of the plan's batches, as a tensor-parallel rank of the group computes it, in
/// layers without a window or (has_window()) in those with one. The plan's tensor parallelism must
/// suit its heads, its mask the windows, as in every plan that was read or searched.
[[nodiscard]] Problem problem_of(const Plan& plan, int batch, bool window = false);

/// One schedule that a plan stands for.
struct PlannedPass {
  int batch = 0;
  Pass pass = Pass::forward;
  bool window = false;  ///< of layers that have one
};
/// The schedules of a plan: by batch, layers with a window last, then forward before backward.
[[nodiscard]] std::vector<PlannedPass> passes_of(const Plan& plan);
/// The embedded schedule that runs for that, or null.
[[nodiscard]] const Schedule* embedded_of(const Plan& plan, const PlannedPass& item);

/// The plan as JSON text ("hsap.plan/1"). Equal plans give equal bytes.
[[nodiscard]] std::string plan_text(const Plan& plan);

/// What hsap-tune may write into a plan, so that what reads it takes it back.
inline constexpr std::int64_t max_plan_bytes = std::int64_t{256} << 20;
inline constexpr std::int64_t max_plan_batches = 100000;

/// Reads a plan. Nothing in the file is trusted: every number has a range, every index of an
/// embedded schedule lies inside its array, and what follows from other members (GPU count,
/// mesh) must agree with them. Whether an embedded schedule is right is for verify().
[[nodiscard]] Result<Plan> parse_plan(const std::string& text, const std::string& file);
/// The same from a file of at most `max_plan_bytes`.
[[nodiscard]] Result<Plan> read_plan(const std::string& path);

}  // namespace hsap
