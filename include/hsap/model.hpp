#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hsap/batch.hpp"
#include "hsap/interval.hpp"
#include "hsap/mask.hpp"
#include "hsap/override.hpp"
#include "hsap/status.hpp"

namespace hsap {

/// Attention heads of one layer. Query head h reads key/value head h * key_value / query.
struct Heads {
  int query = 1;
  int key_value = 1;
  int dim = 128;

  friend bool operator==(const Heads&, const Heads&) = default;
};

/// The heads of one tensor-parallel rank of T >= 1. T divides the query heads; each rank takes
/// whole key/value heads, or each of those goes to a whole number of ranks. Errors (kind
/// infeasible) say which of the two it breaks.
[[nodiscard]] Result<Heads> heads_per_rank(const Heads& heads, int tensor_parallel);

/// Shape of a decoder-only transformer. An attention-only model has layers = 0: it gives heads
/// and nothing else, and no whole-step figures are derived from it.
struct Model {
  std::string name;
  Heads heads;
  int layers = 0;
  std::int64_t hidden = 0;        ///< width of the residual stream
  std::int64_t intermediate = 0;  ///< width of one (expert's) gated MLP
  std::int64_t vocabulary = 0;
  int experts = 0;  ///< 0: dense
  int experts_per_token = 0;
  bool tied_embeddings = false;
  int window_layers = 0;  ///< fewer than `layers`: how many see but a sliding window
  Token window = 0;       ///< of these: keys that a query sees, itself included

  [[nodiscard]] bool attention_only() const { return layers == 0; }
  /// All parameters of the model.
  [[nodiscard]] std::int64_t parameters() const;
  /// Parameters that one token's forward pass multiplies with, embeddings look-up excluded and
  /// output projection included; for dense models about parameters().
  [[nodiscard]] std::int64_t active_parameters() const;
};

/// The layers of a model that have the same mask.
struct LayerMask {
  Mask mask;
  double share = 1;  ///< of all layers
};

/// The masks of a model whose layers see what `mask` allows, those with a window no further than
/// that; the widest first, shares add up to 1. Errors: a window in a mask that is neither causal
/// nor sliding (bad_input).
[[nodiscard]] Result<std::vector<LayerMask>> layer_masks(const Model& model, const Mask& mask);

/// Unmasked pairs of a batch in the mean layer, to the nearest.
[[nodiscard]] std::int64_t layer_area(std::span<const LayerMask> masks, const Batch& batch);

/// Which layers each stage of a pipeline holds.
struct Pipeline {
  int stages = 1;
  std::vector<int> layers{0};  ///< of the pieces of the model, in its order: the p-th is of stage
                               ///< p % stages; several of a stage are interleaved

  [[nodiscard]] int pieces() const { return static_cast<int>(layers.size()); }
  [[nodiscard]] int layers_of(int stage) const;
};

/// The model cut into `virtual_stages` pieces a stage, each number from 1 to 1024. Equal pieces;
/// where the layers have no such share, the first and the last have one layer less, in place of
/// which count the embedding and the loss, as Megatron's --account-for-embedding- and
/// --account-for-loss-in-pipeline-split have it. Errors: neither can be (infeasible), several
/// stages of an attention-only model, several pieces of a single stage (bad_input).
[[nodiscard]] Result<Pipeline> pipeline_of(const Model& model, int stages, int virtual_stages);

/// Whether each `degree` of the `gpus` consecutive GPUs of a pipeline stage can share out the
/// experts of every layer, whole ones. Errors: a model without experts, or with as many as cannot
/// be shared out evenly (bad_input); the GPUs cannot (infeasible).
[[nodiscard]] Status check_expert_parallel(const Model& model, int degree, int gpus);

/// How many neighbouring groups of so many GPUs hold one set of experts together; 1 where each
/// holds sets of its own. Errors: sets end inside of groups (infeasible).
[[nodiscard]] Result<int> groups_together(int expert_parallel, int group_gpus);

/// The model of --heads, --kv-heads and --head-dim: attention only. Heads from 1 to 4096, query
/// heads a multiple of key/value heads, dim from 8 to 1024 by 8.
[[nodiscard]] Result<Model> attention_model(const Heads& heads);

/// Reads models/NAME.json, or a path; overrides whose path starts with "model." apply. Errors
/// name the file and the JSON pointer. File format: docs/model-format.md.
[[nodiscard]] Result<Model> load_model(const std::string& name_or_path,
                                       std::span<const Override> overrides = {});

}  // namespace hsap
