#include "export/model_json.hpp"

#include <cstdint>

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
  return out;
}

namespace {

constexpr int most_heads = 4096;

/// The bounds keep every product of Model::parameters() below 2^63.
void read_layers(json::Object& object, Model& model) {
  model.layers = static_cast<int>(object.integer("layers", 1, 1 << 10));
  model.hidden = object.integer("hidden", 1, 1 << 17);
  model.intermediate = object.integer("intermediate", 1, 1 << 20);
  model.vocabulary = object.integer("vocabulary", 1, 1 << 24);
  model.experts = static_cast<int>(object.integer("experts", 0, 1 << 10));
  model.experts_per_token = static_cast<int>(object.integer("experts_per_token", 0, model.experts));
  model.tied_embeddings = object.boolean_or("tied_embeddings", false);
}

}  // namespace

Model read_model(json::Object object) {
  Model model;
  model.name = object.text("name");
  model.heads.query = static_cast<int>(object.integer("heads", 1, most_heads));
  model.heads.key_value = static_cast<int>(object.integer("kv_heads", 1, model.heads.query));
  model.heads.dim = static_cast<int>(object.integer("head_dim", 8, 1024));
  if (object.has("layers")) read_layers(object, model);
  if (model.heads.query % model.heads.key_value != 0) {
    object.fail("kv_heads", "does not divide the query heads",
                std::to_string(model.heads.key_value),
                "a divisor of " + std::to_string(model.heads.query));
  }
  if (model.heads.dim % 8 != 0) {
    object.fail("head_dim", "no multiple of 8", std::to_string(model.heads.dim), "a multiple of 8");
  }
  object.done();
  return model;
}

}  // namespace hsap
