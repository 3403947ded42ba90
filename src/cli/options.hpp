#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/terminal.hpp"
#include "hsap/batch.hpp"
#include "hsap/predict.hpp"

/// The flags that every program shares, group by group. A program registers the groups it uses;
/// inputs.hpp and strategies.hpp turn them into the library's own types.
namespace hsap::cli {

class Command;
class Flag;

struct ClusterOptions {
  std::string cluster;  ///< shipped name or path
  int nodes = 1;
  std::vector<std::string> set;  ///< "key=value"
};

struct ModelOptions {
  std::string model;  ///< shipped name or path; otherwise the heads say what attention is
  std::optional<int> heads;
  std::optional<int> kv_heads;
  std::optional<int> head_dim;
};

struct BatchOptions {
  std::string documents;  ///< one batch, or
  std::string trace;      ///< a trace to sample from
  std::optional<Token> context;
  std::optional<int> batches;
  std::optional<std::uint64_t> seed;
  std::optional<Packing> packing;
};

struct ProblemOptions {
  Mask mask;
  Passes passes = Passes::both;
  Dtype dtype = Dtype::bf16;
  std::string runtime = "hsap";
};

/// Text as given: each may hold a comma-separated list or "all". Empty when not given.
struct StrategyOptions {
  std::string ulysses;
  std::string context_parallel;
  std::string order;
  std::string layout;
  std::string exchange;
  std::string stages;
  std::string gradient_dtype;
  std::string inner_degree;
  std::string moves;
  std::string transfer_order;
  std::string kv_groups;
  std::string gradient_return;
};

/// The same for how the rest of the model is trained, where a program may choose.
struct TrainingOptions {
  std::string zero;
  std::string checkpointing;
  std::string tensor_parallel;
  std::string pipeline_parallel;
  std::string expert_parallel;
  std::string weight_gradients;
  std::string offload;
  int global_batch = 0;
  Training::Loss loss = Training::Loss::fused;
  Training::Matmul matmul = Training::Matmul::bf16;
  int loss_chunks = 1;
  int virtual_stages = 1;  ///< wherever there are several stages
  int lookahead = 0;
};

struct OutputOptions {
  std::string json;      ///< path, "-" for stdout, or empty
  std::string timeline;  ///< the same
  bool force = false;
  bool quiet = false;
  ColorMode color = ColorMode::automatic;
  int threads = 0;  ///< 0: one per core
};

/// All groups together, for the programs that use them all.
struct Options {
  ClusterOptions cluster;
  ModelOptions model;
  BatchOptions batches;
  ProblemOptions problem;
  StrategyOptions strategy;
  Training training;
  OutputOptions output;
};

void add_cluster(Command& command, ClusterOptions& options);
/// Returns --model.
Flag add_model(Command& command, ModelOptions& options);
void add_batches(Command& command, BatchOptions& options);
void add_problem(Command& command, ProblemOptions& options);
void add_strategy(Command& command, StrategyOptions& options);
/// All but --tensor-parallel, which shares out the heads of attention alone, too, need the flag of
/// add_model().
void add_training(Command& command, const Flag& model, Training& training);
/// The same flags; those that TrainingOptions has as text take a list or "all".
void add_training(Command& command, const Flag& model, TrainingOptions& options);
/// --json, --quiet, --color and --force.
void add_output(Command& command, OutputOptions& options);
void add_timeline(Command& command, OutputOptions& options);
void add_threads(Command& command, OutputOptions& options);

[[nodiscard]] Result<Packing> parse_packing(const std::string& text);

}  // namespace hsap::cli
