#include "cli/options.hpp"

#include <array>
#include <limits>
#include <string_view>

#include "base/names.hpp"
#include "cli/flags.hpp"
#include "export/option_names.hpp"
#include "hsap/cluster.hpp"
#include "hsap/plan.hpp"

namespace hsap::cli {
namespace {

constexpr std::array<std::string_view, 2> packing_names{"sequential", "best-fit"};

}  // namespace

Result<Packing> parse_packing(const std::string& text) {
  return parse_name<Packing>(text, "packing", packing_names);
}

void add_cluster(Command& command, ClusterOptions& options) {
  const std::string group = "Cluster";
  command.add_option("--cluster", options.cluster, "a file in topologies/ by name, or a path")
      .type_name("NAME|FILE")
      .required()
      .group(group);
  add_integer(command, "--nodes", options.nodes, 1, max_cluster_gpus, "N",
              "nodes of the cluster (1)")
      .group(group);
  command
      .add_option(
          "--set", options.set,
          "what-if: one value of the cluster file, or model.PATH or runtime.PATH; repeatable")
      .type_name("key=value")
      .one_value_each()
      .group(group);
}

Flag add_model(Command& command, ModelOptions& options) {
  const std::string group = "Model";
  const Flag model =
      command
          .add_option("--model", options.model, "a file in models/ by name (llama3-8b), or a path")
          .type_name("NAME|FILE")
          .group(group);
  add_integer(command, "--heads", options.heads, 1, 4096, "H",
              "query heads, for attention without a model")
      .group(group);
  add_integer(command, "--kv-heads", options.kv_heads, 1, 4096, "K", "key/value heads (as --heads)")
      .group(group);
  add_integer(command, "--head-dim", options.head_dim, 8, 1024, "D", "numbers in a head (128)")
      .group(group);
  return model;
}

void add_batches(Command& command, BatchOptions& options) {
  const std::string group = "Batches (K, M and G are binary: 256K is 262144)";
  command
      .add_option("--documents", options.documents,
                  "one batch: document lengths in tokens (4096,512,64K)")
      .type_name("N,N,...")
      .group(group);
  command
      .add_option("--trace", options.trace,
                  "sample batches from a file in traces/ by name (wlb-llm), or from a path")
      .type_name("NAME|FILE")
      .group(group);
  add_integer(command, "--context", options.context, 1, max_tokens, "N",
              "tokens of a sampled batch; the most that --documents may hold")
      .group(group);
  add_integer(command, "--batches", options.batches, 1, max_plan_batches, "N",
              "batches to sample (8)")
      .group(group);
  add_integer(command, "--seed", options.seed, 0, std::numeric_limits<std::int64_t>::max(), "N",
              "seed of the sampler (1)")
      .group(group);
  add_parsed(command, "--packing", options.packing, parse_packing, "sequential|best-fit",
             "cut documents at the context, or pack them whole (sequential)")
      .group(group);
}

void add_problem(Command& command, ProblemOptions& options) {
  const std::string group = "Problem";
  add_parsed(command, "--mask", options.mask, parse_mask, "MASK",
             "causal, full, sliding:W, prefix:N or shared_question:N:A, inside each document "
             "(causal)")
      .group(group);
  add_parsed(command, "--pass", options.passes, parse_passes, "forward|backward|both",
             "passes to predict (both)")
      .group(group);
  add_parsed(command, "--dtype", options.dtype, parse_dtype, "bf16|fp32",
             "type of queries, keys and values (bf16)")
      .group(group);
  command
      .add_option("--runtime", options.runtime,
                  "runtime profile: a file in runtimes/ by name, or a path (hsap)")
      .type_name("NAME|FILE")
      .group(group);
}

namespace {

/// Adds flags of a group that keep their text as given, lists included.
class Lists {
 public:
  Lists(Command& command, const char* group) : command_(command), group_(group) {}
  Flag operator()(const char* flag, std::string& target, const std::string& type,
                  const char* help) const {
    return command_.add_option(flag, target, help).type_name(type).group(group_);
  }

 private:
  Command& command_;
  const char* group_;
};

}  // namespace

void add_strategy(Command& command, StrategyOptions& options) {
  const Lists add(command, "Strategy (a comma list or 'all' sweeps)");
  add("--ulysses", options.ulysses, "U",
      "ranks that share tokens and split heads (GPUs / C, or 1)");
  add("--context-parallel", options.context_parallel, "C",
      "token shards that attention is split over (GPUs / U)");
  add("--order", options.order, "ulysses-inner|context-inner",
      "which of the two runs over consecutive ranks (ulysses-inner)");
  add("--layout", options.layout, "contiguous|zigzag|striped|per_document_zigzag|balanced",
      "which tokens each shard holds (zigzag)");
  add("--exchange", options.exchange, "ring|double_ring|all_gather|p2p|hierarchical",
      "how shards meet (ring)");
  add("--stages", options.stages, "N",
      "communication steps that can hide behind compute (0: natural for the exchange)");
  add("--gradient-dtype", options.gradient_dtype, "bf16|fp32",
      "type in which partial gradients travel (fp32)");
  add("--inner-degree", options.inner_degree, "N",
      "consecutive shards near each other, for double_ring, hierarchical and nic_balanced (those "
      "of a node)");
  add("--moves", options.moves, "keys|queries|fewest", "p2p: which side of a pair travels (keys)");
  add("--transfer-order", options.transfer_order, "nearest|most_work|nic_balanced",
      "p2p: in which order a shard meets its peers (nearest)");
  add("--kv-groups", options.kv_groups, "fused|split",
      "keys and values in one exchange or in two (fused)");
  add("--gradient-return", options.gradient_return, "at_once|batched",
      "p2p: partial gradients go home after each stage or after the last (at_once)");
}

namespace {

constexpr const char* training_group = "Training";

/// A flag for one value or for a list of them.
struct TrainingFlag {
  const char* name;
  const char* type;
  const char* help;

  [[nodiscard]] std::string list_type() const { return std::string(type) + ",...|all"; }
};
constexpr TrainingFlag zero_flag{
    "--zero", "0|1|2|3", "ZeRO stage: shards optimizer (1), gradients (2), parameters (3) (1)"};
constexpr TrainingFlag checkpointing_flag{"--checkpointing", "none|norms|selective|full",
                                          "activations kept for the backward pass (selective)"};
constexpr TrainingFlag offload_flag{
    "--offload", "none|activations",
    "what waits in the host's memory: the layers' inputs of full checkpointing (none)"};
constexpr TrainingFlag tensor_parallel_flag{"--tensor-parallel", "T",
                                            "tensor-parallel degree, inside a node (1)"};
constexpr TrainingFlag pipeline_parallel_flag{
    "--pipeline-parallel", "N", "pipeline stages, each on its own share of the GPUs (1)"};
constexpr TrainingFlag expert_parallel_flag{
    "--expert-parallel", "E", "GPUs that share out the experts of each layer, whole ones (1)"};
constexpr TrainingFlag weight_gradients_flag{
    "--weight-gradients", "bf16|fp32",
    "type in which weight gradients are added up and reduced (bf16)"};

/// The flags of which there is one value.
template <typename Options>
void add_single_values(Command& command, const Flag& model, Options& options) {
  add_integer(command, "--virtual-stages", options.virtual_stages, 1, max_virtual_stages, "N",
              "pieces of the model in each of several pipeline stages, interleaved (1)")
      .group(training_group)
      .needs(model);
  add_integer(command, "--global-batch", options.global_batch, 1, max_global_batch, "N",
              "packed batches of all replicas in one optimizer step (one each)")
      .group(training_group)
      .needs(model);
  add_integer(command, "--lookahead", options.lookahead, 1, max_lookahead, "N",
              "the loader deals the batches of N steps out by their work (as they come)")
      .group(training_group)
      .needs(model);
  add_parsed(command, "--matmul", options.matmul, parse_matmul, "bf16|fp8",
             "type in which the linear layers multiply (bf16)")
      .group(training_group)
      .needs(model);
  add_parsed(command, "--loss", options.loss, parse_loss, "fused|plain",
             "kernels that fuse softmax and loss, or PyTorch's own functions (fused)")
      .group(training_group)
      .needs(model);
  add_integer(command, "--loss-chunks", options.loss_chunks, 1, max_loss_chunks, "N",
              "logits exist for an N-th of a rank's tokens at a time (1)")
      .group(training_group)
      .needs(model);
}

}  // namespace

void add_training(Command& command, const Flag& model, Training& training) {
  const auto add = [&](const TrainingFlag& flag, auto& target, auto read) {
    return add_parsed(command, flag.name, target, read, flag.type, flag.help).group(training_group);
  };
  add(zero_flag, training.zero, integer_reader<int>(0, 3)).needs(model);
  add(checkpointing_flag, training.checkpointing, parse_checkpointing).needs(model);
  add(offload_flag, training.offload, parse_offload).needs(model);
  add(tensor_parallel_flag, training.tensor_parallel, integer_reader<int>(1, max_tensor_parallel));
  add(pipeline_parallel_flag, training.pipeline_parallel,
      integer_reader<int>(1, max_pipeline_parallel))
      .needs(model);
  add(expert_parallel_flag, training.expert_parallel, integer_reader<int>(1, max_expert_parallel))
      .needs(model);
  add(weight_gradients_flag, training.weight_gradients, parse_dtype).needs(model);
  add_single_values(command, model, training);
}

void add_training(Command& command, const Flag& model, TrainingOptions& options) {
  const Lists add_text(command, training_group);
  const auto add = [&](const TrainingFlag& flag, std::string& target) {
    return add_text(flag.name, target, flag.list_type(), flag.help);
  };
  add(zero_flag, options.zero).needs(model);
  add(checkpointing_flag, options.checkpointing).needs(model);
  add(offload_flag, options.offload).needs(model);
  add(tensor_parallel_flag, options.tensor_parallel);
  add(pipeline_parallel_flag, options.pipeline_parallel).needs(model);
  add(expert_parallel_flag, options.expert_parallel).needs(model);
  add(weight_gradients_flag, options.weight_gradients).needs(model);
  add_single_values(command, model, options);
}

namespace {
constexpr const char* output_group = "Output";
}

void add_output(Command& command, OutputOptions& options) {
  command.add_option("--json", options.json, "machine output to a file, or '-' for stdout")
      .type_name("FILE|-")
      .group(output_group);
  command.add_flag("--force", options.force, "replace files that exist").group(output_group);
  command.add_flag("--quiet", options.quiet, "no progress and no table").group(output_group);
  add_parsed(command, "--color", options.color, parse_color, "auto|always|never",
             "colour in tables; auto honours NO_COLOR (auto)")
      .group(output_group);
}

void add_timeline(Command& command, OutputOptions& options) {
  command
      .add_option("--timeline", options.timeline,
                  "Chrome trace of the first batch, for ui.perfetto.dev")
      .type_name("FILE|-")
      .group(output_group);
}

void add_threads(Command& command, OutputOptions& options) {
  add_integer(command, "--threads", options.threads, 1, 4096, "N",
              "worker threads (one per core); the answer does not depend on it")
      .group(output_group);
}

}  // namespace hsap::cli
