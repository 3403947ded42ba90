#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hsap/cluster.hpp"
#include "hsap/model.hpp"
#include "hsap/schedule.hpp"

namespace hsap {

/// FLOP of attention over `pairs` unmasked (query, key) pairs in each of `heads` query heads:
/// 4 x head_dim a pair forward (QK^T and PV); 2.5 times that backward (five products instead of
/// two; FlashAttention-2, arXiv 2307.08691).
[[nodiscard]] double attention_flop(std::int64_t pairs, int heads, int head_dim, Pass pass);

/// Seconds of one attention kernel over `slices` with `query_heads` heads, alone on the device:
/// launch, then thread blocks of tiles scheduled over the multiprocessors (docs/cost-model.md).
/// Never below attention_flop(area) / flop_per_s of the pass. O(n log n) for n slices.
[[nodiscard]] double attention_seconds(std::span<const Slice> slices, int query_heads, int head_dim,
                                       Pass pass, const Device& device);

/// How long a kernel runs, and of that how long it keeps every multiprocessor taken from its begin
/// on, so that no other kernel gets in.
struct KernelTime {
  double seconds = 0;
  double full_s = 0;
};

/// The same as attention_seconds() with its full_s: to the last wave of thread blocks; 0 when the
/// blocks do not fill the device.
[[nodiscard]] KernelTime attention_time(std::span<const Slice> slices, int query_heads,
                                        int head_dim, Pass pass, const Device& device);

/// Bytes that an operation reads and writes in device memory, each row once per use; attention
/// touches the rows of its slices only. Exchanges and collectives answer 0.
[[nodiscard]] double memory_bytes(const Schedule& schedule, const Operation& op);

/// Seconds that an operation keeps the compute stream, alone on the device: any kind but
/// exchange, all_gather and reduce_scatter. Attention is as slow as its arithmetic or its memory
/// traffic, whichever is more; so is `compute`; the others move bytes.
[[nodiscard]] double kernel_seconds(const Schedule& schedule, const Operation& op,
                                    const Device& device);
/// The same with its full_s; only attention has one.
[[nodiscard]] KernelTime kernel_time(const Schedule& schedule, const Operation& op,
                                     const Device& device);

/// What flags and files may say of training.
inline constexpr int max_tensor_parallel = 1024;
inline constexpr int max_pipeline_parallel = 1024;
inline constexpr int max_virtual_stages = 1024;
inline constexpr int max_expert_parallel = 1024;
inline constexpr int max_global_batch = 1 << 20;
inline constexpr int max_lookahead = 1 << 20;
inline constexpr int max_loss_chunks = 1 << 16;

/// How the parts of a model outside sequence-parallel attention are trained.
struct Training {
  /// What the backward pass makes again: nothing; the outputs of norms; what is cheap (norms,
  /// activations, never a matrix product or attention); or each layer's whole forward pass with its
  /// communication.
  enum class Checkpointing : std::uint8_t { none, norms, selective, full };
  /// How softmax of the logits, its loss and gradient are computed: by one kernel each, or by
  /// PyTorch's own functions, one after the other on fp32 logits.
  enum class Loss : std::uint8_t { fused, plain };
  /// What the linear layers multiply in; all else, attention, embedding and output projection too,
  /// is bf16. fp8: with one scale for each tensor, taken from what it holds; weights are kept and
  /// gathered in it where ZeRO shards them.
  enum class Matmul : std::uint8_t { bf16, fp8 };
  /// What waits in the host's memory for the backward pass: nothing, or the layers' inputs that
  /// full checkpointing keeps.
  enum class Offload : std::uint8_t { none, activations };
  int zero = 1;  ///< ZeRO stage: 1 shards optimizer, 2 gradients, 3 parameters; 0 none
  Checkpointing checkpointing = Checkpointing::selective;
  int tensor_parallel = 1;  ///< T: GPUs of a node that share a token shard's heads and weights
  int global_batch = 0;     ///< packed batches of all replicas in one optimizer step; 0: one each
  Dtype weight_gradients = Dtype::bf16;  ///< in which they are added up, kept and reduced
  int loss_chunks = 1;        ///< pieces of a rank's tokens whose logits exist one after the other
  int pipeline_parallel = 1;  ///< stages, each with its own layers and its own GPUs
  int expert_parallel = 1;    ///< consecutive GPUs that share out the experts of a layer, whole
                              ///< ones; 1: all are on each, cut as the other weights are
  int virtual_stages = 1;     ///< pieces of the model in each of several stages, interleaved
  Loss loss = Loss::fused;
  Matmul matmul = Matmul::bf16;
  Offload offload = Offload::none;
  int lookahead = 0;  ///< optimizer steps whose batches the loader deals out by work (deal());
                      ///< 0: as they come
};

/// Named parts of a whole, in a fixed order.
using Breakdown = std::vector<std::pair<std::string, double>>;

}  // namespace hsap
