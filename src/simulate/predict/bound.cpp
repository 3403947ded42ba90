#include <algorithm>
#include <numeric>

#include "hsap/predict.hpp"
#include "simulate/training/rates.hpp"
#include "simulate/training/step.hpp"

namespace hsap {
namespace {

/// Tokens of one document that must cross the borders of places that hold at most `capacity`
/// tokens each, summed over the places. A place with x of n tokens sees at least min(x, n - x)
/// cross, a concave function, so the sum is least with as many full places as the document fills.
std::int64_t crossing_tokens(std::int64_t length, std::int64_t capacity) {
  if (length <= capacity) return 0;
  const std::int64_t full = length / capacity;
  const std::int64_t rest = length % capacity;
  return full * std::min(capacity, length - capacity) + std::min(rest, length - rest);
}

/// True when every two tokens of a document attend one way or the other.
bool joins_all_tokens(const Mask& mask) {
  return mask.kind == Mask::Kind::causal || mask.kind == Mask::Kind::full ||
         mask.kind == Mask::Kind::prefix;
}

std::int64_t crossing_tokens(const Problem& problem, std::int64_t capacity) {
  if (!joins_all_tokens(problem.mask)) return 0;
  std::int64_t sum = 0;
  for (const Token length : problem.batch.lengths) sum += crossing_tokens(length, capacity);
  return sum;
}

/// Bytes that cross for each such token: its k and v, or as much of queries and gradients.
double token_bytes(const Problem& problem, Pass pass) {
  const int element = pass == Pass::forward
                          ? bytes_of(problem.dtype)
                          : std::min(bytes_of(problem.dtype), bytes_of(Dtype::bf16));
  const int heads = std::min(problem.heads.query, problem.heads.key_value);
  return 2.0 * heads * problem.heads.dim * element;
}

/// Seconds for `places` that move `rate` bytes a second in and as much out.
double crossing_seconds(double bytes, std::int64_t places, double rate) {
  return bytes > 0 && rate > 0 ? bytes / (2 * rate * static_cast<double>(places)) : 0;
}

/// Of layers that have the problem's mask.
Bound bound_of(const Problem& problem, const Setting& setting, int ranks) {
  const Device& device = setting.cluster->spec().device;
  const Rates rates = rates_of(*setting.cluster);
  const std::int64_t tensor = setting.training.tensor_parallel;
  const std::int64_t node_ranks =
      std::max<std::int64_t>(1, setting.cluster->gpus_per_node() / tensor);
  const std::int64_t nodes = (ranks + node_ranks - 1) / node_ranks;
  const std::int64_t rank_tokens = problem.batch.tokens() / ranks + uneven_tokens;
  const std::int64_t pairs = area(problem.mask, problem.batch);
  const std::int64_t cross_ranks = ranks > 1 ? crossing_tokens(problem, rank_tokens) : 0;
  const std::int64_t cross_nodes =
      nodes > 1 ? crossing_tokens(problem, rank_tokens * node_ranks) : 0;
  Bound bound;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    if (!covers(setting.passes, pass)) continue;
    const AttentionKernel& kernel = pass == Pass::forward ? device.forward : device.backward;
    const double bytes = token_bytes(problem, pass);
    bound.compute_s += attention_flop(pairs, problem.heads.query, problem.heads.dim, pass) /
                       (ranks * kernel.flop_per_s);
    bound.intra_node_s += crossing_seconds(bytes * static_cast<double>(cross_ranks), ranks,
                                           rates.gpu_links_bytes_per_s);
    // The NICs are those of all slices.
    const double slices = static_cast<double>(tensor);
    bound.inter_node_s += crossing_seconds(slices * bytes * static_cast<double>(cross_nodes), nodes,
                                           rates.node_bytes_per_s);
  }
  bound.total_s = std::max({bound.compute_s, bound.intra_node_s, bound.inter_node_s});
  return bound;
}

}  // namespace

Bound bound(const Problem& problem, const Setting& setting, int ranks) {
  Bound mean;
  Problem layers = problem;
  const Result<std::vector<LayerMask>> masks = layer_masks(setting.model, problem.mask);
  for (const auto& [mask, share] : *masks) {
    layers.mask = mask;
    const Bound bound = bound_of(layers, setting, ranks);
    mean.compute_s += share * bound.compute_s;
    mean.intra_node_s += share * bound.intra_node_s;
    mean.inter_node_s += share * bound.inter_node_s;
    mean.total_s += share * bound.total_s;
  }
  return mean;
}

}  // namespace hsap
