#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hsap/batch.hpp"
#include "hsap/plan.hpp"
#include "hsap/predict.hpp"
#include "hsap/status.hpp"
#include "hsap/strategy.hpp"

namespace hsap {

struct TuneOptions {
  int top = 5;                   ///< runners-up to report
  int threads = 0;               ///< 0: one per core; the answer does not depend on it
  bool exhaustive = false;       ///< predict on every batch whatever may fit, prune nothing
  bool bf16_gradients = false;   ///< also try partial dK and dV that travel in bf16
  double memory_reserve = 0.06;  ///< share of device memory that a plan leaves free: the CUDA
                                 ///< context, libraries and fragmentation
  /// Why a legal strategy in so many replicas is not wanted; empty where it is, or when all are.
  std::function<std::string(const Strategy&, int replicas)> unwanted;
};

/// What became of one point of the search space.
enum class Outcome : std::uint8_t {
  feasible,       ///< predicted on every batch, and fits
  illegal,        ///< cannot be compiled for the problem, or share the global batch
  unwanted,       ///< TuneOptions::unwanted says so
  out_of_memory,  ///< needs more than the device has
  pruned,         ///< fits as far as predicted; a bound proves that it cannot be in the answer
};

/// One point of the search space. A group of U x C ranks (x T tensor-parallel GPUs) processes its
/// own batches; the cluster holds `replicas` groups.
struct Candidate {
  Strategy strategy;
  int replicas = 1;
  Sharing sharing;
  Outcome outcome = Outcome::illegal;
  std::string reason;              ///< why not, unless feasible
  std::optional<Figures> figures;  ///< when feasible
  double seconds = 0;              ///< of a step (expected_step()), or mean over the batches of one
                                   ///< layer's attention; a lower limit when pruned
  double tokens_per_s = 0;         ///< of the whole cluster; an upper limit when pruned
  std::int64_t peak_bytes = 0;     ///< so far as predicted; a lower limit when that is too much
  Breakdown too_much;              ///< of what that is made, out of memory
};

/// What a search found. Indices point into `candidates`.
struct Search {
  bool whole_step = false;  ///< the objective: step time, or attention of one layer
  std::int64_t memory_limit_bytes = 0;
  std::vector<Candidate> candidates;    ///< in the order of enumeration
  std::optional<std::size_t> best;      ///< most tokens per second; nothing when none is feasible
  std::vector<std::size_t> runners_up;  ///< at most one for each (U, C, exchange, layout)
  std::vector<std::size_t> pareto;      ///< none is both faster and smaller; by time
  std::vector<std::string> why;         ///< sentences
};

/// Told how many predictions are done, of at most how many. Called from one thread at a time.
using TuneProgress = std::function<void(std::size_t done, std::size_t total)>;

/// Searches every strategy of the cluster for the most tokens per second over the batches: of whole
/// steps, whose replicas wait for the slowest, when the model has layers and both passes are asked
/// for, else of one layer's attention.
///
/// Pruning is admissible: a strategy is given up only when its predictions so far and bound() for
/// the other batches prove that it is neither the best, nor a runner-up, nor the best of its
/// exchange, nor on the Pareto set. So the answer equals that of an exhaustive search, and
/// neither it nor the candidates depend on the number of threads.
///
/// Errors: no batches, tensor parallelism that does not divide the GPUs of a node (bad_input) or
/// the heads (infeasible).
[[nodiscard]] Result<Search> tune(std::span<const Batch> batches, const Setting& setting,
                                  const TuneOptions& options, const TuneProgress& progress = {});

}  // namespace hsap
