#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hsap/cluster.hpp"
#include "hsap/cost.hpp"
#include "hsap/runtime.hpp"
#include "hsap/simulate.hpp"
#include "hsap/status.hpp"
#include "hsap/strategy.hpp"

namespace hsap {

/// Which passes a question covers.
enum class Passes : std::uint8_t { forward, backward, both };
[[nodiscard]] constexpr bool covers(Passes passes, Pass pass) {
  return passes == Passes::both || (passes == Passes::forward) == (pass == Pass::forward);
}

/// Everything but the batch and the strategy: where and how a model is trained.
struct Setting {
  const Cluster* cluster = nullptr;
  Runtime runtime;
  Model model;
  Mask mask;  ///< of layers without a window
  Dtype dtype = Dtype::bf16;
  Passes passes = Passes::both;
  Training training;
};

/// What one sequence-parallel group computes for a batch in layers without a window: the attention
/// of one tensor-parallel slice, so heads / T (key/value heads are replicated where T exceeds
/// them). Errors: T does not divide the heads (infeasible), those of layer_masks().
[[nodiscard]] Result<Problem> problem_of(const Batch& batch, const Setting& setting);

/// Whether the rate is known at which the device multiplies as the training asks. Errors: it is not
/// (bad_input).
[[nodiscard]] Status check_matmul(const Setting& setting);

/// Whether the host can hold what the training offloads, so far as the batch does not decide.
/// Errors: nothing is known of the host, or checkpointing is not full (bad_input).
[[nodiscard]] Status check_offload(const Setting& setting);

/// The pipeline that the training asks for. Errors: those of pipeline_of() a model.
[[nodiscard]] Result<Pipeline> pipeline_of(const Setting& setting);

/// How many copies of a group of `ranks` ranks each pipeline stage holds. Stages have equal shares
/// of the GPUs, consecutive ones. Errors: ranks x T x stages is more than the GPUs or no divisor of
/// them, T is no divisor of a node, experts cannot be shared out evenly (bad_input); those of
/// pipeline_of().
[[nodiscard]] Result<int> replicas_of(int ranks, const Setting& setting);

/// What replicas share in an optimizer step.
struct Sharing {
  int accumulation = 1;  ///< batches of each replica, whose gradients are added up
  int together = 1;      ///< neighbours that hold one set of experts: each of their batches takes
                         ///< all of them as long as the slowest
  int lookahead = 0;     ///< Training::lookahead
};
/// Of so many replicas of `ranks` ranks. Errors: they cannot share Training::global_batch evenly;
/// interleaved stages take batches in rounds of as many as there are stages; experts are spread
/// over parts of groups (infeasible).
[[nodiscard]] Result<Sharing> sharing_of(int ranks, int replicas, const Training& training);

/// Lower limits on the time of the mean layer's attention, passes added up, for any strategy of
/// `ranks` ranks and any layout: the simulated time is never less. The argument is in
/// docs/bounds.md.
struct Bound {
  double compute_s = 0;     ///< FLOP of the unmasked pairs at the kernel's best rate
  double intra_node_s = 0;  ///< bytes that must enter or leave a GPU, over all its links
  double inter_node_s = 0;  ///< bytes that must enter or leave a node, over all its NICs
  double total_s = 0;       ///< the largest of each layer
};
/// `problem` is that of problem_of().
[[nodiscard]] Bound bound(const Problem& problem, const Setting& setting, int ranks);

/// Attention of the mean layer (all are alike where the model has no window), in the passes asked
/// for; the others count nothing.
struct AttentionTimes {
  double forward_s = 0;  ///< slowest rank
  double backward_s = 0;
  double compute_s = 0;                ///< of each pass's slowest rank, of those that end within
                                       ///< a hundredth of it the one with most, passes added up;
  double communication_s = 0;          ///< so are these two
  double exposed_communication_s = 0;  ///< communication with no kernel running beside it
  std::int64_t bytes_sent = 0;         ///< all ranks together, with all their GPUs
  std::int64_t bytes_sent_inter_node = 0;
  double imbalance = 1;  ///< max over mean compute of the ranks
};

/// What of a step depends on the batch, in the places where a pipeline may be cut, in seconds; and
/// what does not.
struct StepParts {
  double layer_forward_s = 0;  ///< one layer
  double layer_backward_s = 0;
  double embedding_forward_s = 0;
  double embedding_backward_s = 0;
  double loss_forward_s = 0;  ///< logits included
  double loss_backward_s = 0;
  double message_s = 0;  ///< a layer's output, or its gradient, to the next stage
  double once_s = 0;     ///< what a step does once, or with what the batch does not change
  double flop = 0;       ///< the batch's work, by which a loader can sort
};

/// One optimizer step of the whole model, for which every replica adds up the gradients of
/// Sharing::accumulation batches.
struct StepTimes {
  double seconds = 0;
  double tokens_per_s = 0;  ///< all replicas
  double mfu = 0;
  Breakdown breakdown = {};  ///< seconds: attention compute, exposed communication, linear, ...; of
                             ///< the pipeline stage with most to do
  StepParts parts = {};
};

struct Memory {
  std::int64_t peak_bytes = 0;
  Breakdown breakdown;               ///< bytes on the rank that needs most
  std::int64_t offloaded_bytes = 0;  ///< most that a rank has in the memory of its host
  std::int64_t host_bytes = 0;       ///< of all GPUs of the fullest node there
};

/// What one number of a prediction rests on.
struct Basis {
  enum class Kind : std::uint8_t {
    calibrated,    ///< fitted to measurements of what is asked for
    extrapolated,  ///< fitted, but outside of what was measured
    uncalibrated,  ///< from data sheets or other machines
  };
  /// What was asked for outside of what was measured, least and most of both.
  struct Outside {
    std::string what;  ///< "heads", "sizes", ...
    double low = 0;
    double high = 0;
    double known_low = 0;
    double known_high = 0;
    bool in_bytes = false;
  };
  std::string number;  ///< "attention forward", "messages between nodes", ...
  Kind kind = Kind::calibrated;
  std::string reason = {};            ///< why it is uncalibrated
  std::vector<Outside> outside = {};  ///< of an extrapolated one
};
/// Of several predictions: a number is as weak as its weakest, what is outside of all told once.
[[nodiscard]] std::vector<Basis> joined(std::span<const std::vector<Basis>> lists);

struct BatchPrediction {
  Token tokens = 0;
  std::size_t documents = 0;
  AttentionTimes attention;
  Bound bound;
  std::optional<StepTimes> step;  ///< of replicas that all take this batch only; when the model has
                                  ///< layers and both passes are asked for
  Memory memory;
  std::string limit;  ///< what limits the run, in words
  std::vector<Basis> basis;
  std::uint64_t events = 0;
};

struct Prediction {
  Strategy strategy;
  int ranks = 0;
  int replicas = 1;
  Sharing sharing;
  std::vector<BatchPrediction> batches;
  std::optional<StepTimes> step;  ///< expected_step() where the batches have one
};

/// The part of a step in which devices wait for the host to issue the kernels of a layer.
inline constexpr const char* waiting_for_host = "waiting_for_host";
/// The part in which devices wait for what is on its way to the host's memory or back.
inline constexpr const char* waiting_for_offload = "waiting_for_offload";
/// The part in which replicas wait for the slowest of them.
inline constexpr const char* waiting_for_replicas = "waiting_for_replicas";
/// The part in which the pipeline stage with most to do waits for others.
inline constexpr const char* pipeline_bubble = "pipeline_bubble";

/// One step of `replicas` that each take `sharing.accumulation` of the batches, drawn at random,
/// and wait for the slowest to add up gradients. The breakdown holds means over the batches and, as
/// its last part, waiting_for_replicas: what the slowest takes longer than the mean. What stages
/// wait for each other because batches differ counts to pipeline_bubble. All batches have a step.
[[nodiscard]] StepTimes expected_step(std::span<const BatchPrediction> batches,
                                      const Pipeline& pipeline, int replicas,
                                      const Sharing& sharing);

/// Predicts one batch: compile, simulate, bound, step and memory.
/// Errors: illegal strategy (infeasible), more ranks than GPUs or not a divisor (bad_input), more
/// to offload than a node's memory holds (infeasible).
[[nodiscard]] Result<BatchPrediction> predict(const Batch& batch, const Strategy& strategy,
                                              const Setting& setting);

}  // namespace hsap
