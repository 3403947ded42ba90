#include "export/json/model.hpp"

namespace hsap {

json::Ordered to_json(const Model& model) {
  json::Ordered out;
  out["name"] = model.name;
  out["heads"] = model.heads.query;
  out["kv_heads"] = model.heads.key_value;
  out["head_dim"] = model.heads.dim;
  if (model.attention_only()) return out;
  out["layers"] = model.layers;
  out["hidden"] = model.hidden;
  out["intermediate"] = model.intermediate;
  out["vocabulary"] = model.vocabulary;
  out["experts"] = model.experts;
  out["experts_per_token"] = model.experts_per_token;
  out["tied_embeddings"] = model.tied_embeddings;
  if (model.window_layers > 0) {
    out["window"] = model.window;
    out["window_layers"] = model.window_layers;
  }
  return out;
}

}  // namespace hsap
