#include "simulate/training/layer.hpp"

#include <algorithm>

namespace hsap {
namespace {

/// Width of the MLP halves that one token fills.
double mlp_width(const Model& model) {
  return static_cast<double>(model.intermediate) *
         (model.experts > 0 ? model.experts_per_token : 1);
}

}  // namespace

std::int64_t embedding_parameters(const Model& model) {
  return (model.tied_embeddings ? 1 : 2) * model.vocabulary * model.hidden;
}

std::int64_t layer_parameters(const Model& model) {
  return (model.parameters() - embedding_parameters(model)) / std::max(1, model.layers);
}

std::int64_t active_layer_parameters(const Model& model) {
  return (model.active_parameters() - model.vocabulary * model.hidden) / std::max(1, model.layers);
}

std::int64_t expert_parameters(const Model& model) {
  return std::int64_t{3} * model.experts * model.hidden * model.intermediate;
}

double stage_parameters(const Model& model, const Pipeline& pipeline, int stage) {
  if (pipeline.stages == 1) return static_cast<double>(model.parameters());
  const bool ends = stage == 0 || stage + 1 == pipeline.stages;
  return static_cast<double>(pipeline.layers_of(stage) * layer_parameters(model) +
                             (ends ? model.vocabulary * model.hidden : 0));
}

double elementwise_bytes(const Model& model) {
  const double hidden = static_cast<double>(model.hidden);
  const double rotated = (model.heads.query + model.heads.key_value) * model.heads.dim;
  return bf16_bytes * (8 * hidden + 2 * rotated + 3 * mlp_width(model));
}

double cast_numbers(const Model& model, Pass pass) {
  const double hidden = static_cast<double>(model.hidden);
  const double visits = model.experts > 0 ? model.experts_per_token : 1;
  const double query = model.heads.query * model.heads.dim;
  const double key_value = model.heads.key_value * model.heads.dim;
  // Of QKV, output projection, MLP's first matrices and its last.
  return pass == Pass::forward
             ? hidden + query + visits * hidden + mlp_width(model)
             : query + 2 * key_value + hidden + 2 * mlp_width(model) + visits * hidden;
}

double recast_numbers(const Model& model, Training::Checkpointing checkpointing) {
  using Checkpointing = Training::Checkpointing;
  const bool norms =
      checkpointing == Checkpointing::norms || checkpointing == Checkpointing::selective;
  return (norms ? 2 * static_cast<double>(model.hidden) : 0) +
         (checkpointing == Checkpointing::selective ? mlp_width(model) : 0);
}

double saved_bytes(const Model& model, Training::Checkpointing checkpointing,
                   Training::Matmul matmul) {
  using Checkpointing = Training::Checkpointing;
  const double norms = 2 * static_cast<double>(model.hidden);  // their inputs, or their outputs
  const bool again = checkpointing == Checkpointing::selective;
  double multiplied = 0;
  if (!again && checkpointing != Checkpointing::norms) multiplied += norms;
  if (!again) multiplied += mlp_width(model);
  if (matmul == Training::Matmul::fp8) multiplied += model.heads.query * model.heads.dim;
  return bf16_bytes * (norms + 2 * mlp_width(model)) + matmul_bytes(matmul) * multiplied;
}

double mlp_saved_bytes(const Model& model, Training::Matmul matmul) {
  return (2 * bf16_bytes + matmul_bytes(matmul)) * mlp_width(model);
}

double mlp_gradient_bytes(const Model& model) { return bf16_bytes * 2 * mlp_width(model); }

double norm_bytes(const Model& model) { return bf16_bytes * 4 * static_cast<double>(model.hidden); }

double expert_input_bytes(const Model& model) {
  return bf16_bytes * static_cast<double>(model.hidden * model.experts_per_token);
}

double expert_order_bytes(const Model& model, bool several_gpus) {
  if (model.experts == 0) return 0;
  const double token = bf16_bytes * static_cast<double>(model.hidden);
  return 2 * (token + expert_input_bytes(model)) +
         (several_gpus ? 4 * expert_input_bytes(model) : 0);
}

}  // namespace hsap
