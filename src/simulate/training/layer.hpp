#pragma once

#include <cstdint>

#include "hsap/model.hpp"
#include "hsap/predict.hpp"

/// A transformer layer outside attention: RMSNorm, QKV, rotary embedding, output projection,
/// RMSNorm, gated MLP (or a token's share of the experts). Sizes per layer and token in bf16.
namespace hsap {

/// Of a number, for sums of bytes in floating point.
inline constexpr double bf16_bytes = 2;
/// Of a number that a matrix product reads.
[[nodiscard]] constexpr double matmul_bytes(Training::Matmul matmul) {
  return matmul == Training::Matmul::fp8 ? 1 : bf16_bytes;
}

/// Parameters of one layer; of an expert model with all its experts.
[[nodiscard]] std::int64_t layer_parameters(const Model& model);
/// Parameters of one layer that a token multiplies with.
[[nodiscard]] std::int64_t active_layer_parameters(const Model& model);
/// Parameters of all experts of one layer, the router excluded; 0 for a dense model.
[[nodiscard]] std::int64_t expert_parameters(const Model& model);
/// Embedding and output projection: one matrix when tied.
[[nodiscard]] std::int64_t embedding_parameters(const Model& model);
/// Parameters of a pipeline stage. Of several the first has the embedding and the last the output
/// projection, each its own matrix also when tied.
[[nodiscard]] double stage_parameters(const Model& model, const Pipeline& pipeline, int stage);

/// Memory traffic of the forward pass outside matrix products, bytes per token: two norms fused
/// with the residual addition before them (read both, write both: 8 hidden), rotary embedding of q
/// and k (read, write), gated activation (read two, write one). Backward moves twice that.
[[nodiscard]] double elementwise_bytes(const Model& model);

/// Numbers that one pass of a layer casts for its matrix products, per token: their inputs forward,
/// the gradients of their outputs backward.
[[nodiscard]] double cast_numbers(const Model& model, Pass pass);
/// Of those, what is cast again where its bf16 values are made again: outputs of norms, and with
/// selective checkpointing the product of the MLP's halves.
[[nodiscard]] double recast_numbers(const Model& model, Training::Checkpointing checkpointing);
/// Memory traffic of casting a bf16 number to FP8 with the scale of its tensor: read for the
/// largest, read again, written in rows and, as products of Hopper take their operands, transposed.
inline constexpr double cast_bytes = 2 + 2 + 1 + 1;

/// What the forward pass of one layer keeps for the backward pass outside attention, bytes per
/// token, after Korthikanti et al. (arXiv 2205.05198, section 4.1) redone for this layer: the
/// inputs of both norms (4 hidden) and the two halves of the gated MLP (4 intermediate) always; the
/// outputs of both norms (4 hidden) and the product of the halves (2 intermediate) unless made
/// again. Attention's own q, k, v, o and lse come on top, as the schedule holds them. With full
/// checkpointing this is what a layer keeps while it is made again, all of it. What only a product
/// reads is kept as that does: in FP8 the outputs of norms and the product of the halves take half,
/// and attention's output is there once more.
[[nodiscard]] double saved_bytes(const Model& model, Training::Checkpointing checkpointing,
                                 Training::Matmul matmul = Training::Matmul::bf16);

/// Of what is kept without checkpointing, the MLP's part, which the backward pass frees before it
/// comes to attention: both halves and their product.
[[nodiscard]] double mlp_saved_bytes(const Model& model, Training::Matmul matmul);
/// Gradients that are alive at once in the backward pass of the MLP, beyond what is kept and the
/// gradient of the layer's output: of both halves, made from that of their product, which took the
/// place of the product itself.
[[nodiscard]] double mlp_gradient_bytes(const Model& model);

/// Memory traffic of making the outputs of both norms again, bytes per token: read and write.
[[nodiscard]] double norm_bytes(const Model& model);

/// The rows in which a token visits its experts, bytes: one for each, which they keep as their
/// input. 0 for a dense model.
[[nodiscard]] double expert_input_bytes(const Model& model);
/// Memory traffic of those rows in one pass, bytes per token: written in the order of experts and
/// summed on return; where they come from several GPUs, put in that order at arrival and back.
[[nodiscard]] double expert_order_bytes(const Model& model, bool several_gpus);

}  // namespace hsap
