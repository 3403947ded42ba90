#include "hsap/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/files.hpp"
#include "base/json.hpp"
#include "workload/read_model.hpp"

namespace hsap {
namespace {

constexpr int max_heads = 4096;
constexpr int max_head_dim = 1024;

/// Weights of one layer's attention: W_Q, W_K, W_V and W_O. The norms (under 0.01 %) are left out.
std::int64_t attention_weights(const Model& model) {
  const std::int64_t width = std::int64_t{2} * (model.heads.query + model.heads.key_value);
  return model.hidden * width * model.heads.dim;
}

/// Weights of one layer's gated MLPs when `experts` of them take part, and of the router.
std::int64_t mlp_weights(const Model& model, int experts) {
  const std::int64_t one = 3 * model.hidden * model.intermediate;  // gate, up, down
  if (model.experts == 0) return one;
  return experts * one + model.hidden * model.experts;
}

/// What is wrong with heads that are each in range, or nothing.
std::string heads_error(const Heads& heads) {
  if (heads.query % heads.key_value != 0) return "key/value heads do not divide query heads";
  if (heads.dim % 8 != 0) return "head dim is no multiple of 8";
  return {};
}

std::string heads_text(const Heads& heads) {
  return fmt::format("{} heads, {} kv heads, head dim {}", heads.query, heads.key_value, heads.dim);
}

constexpr const char* heads_expected = "heads a multiple of kv heads, head dim a multiple of 8";

Heads read_heads(json::Object& object) {
  Heads heads;
  heads.query = static_cast<int>(object.integer("heads", 1, max_heads));
  heads.key_value = static_cast<int>(object.integer("kv_heads", 1, heads.query));
  heads.dim = static_cast<int>(object.integer("head_dim", 8, max_head_dim));
  if (heads.query % heads.key_value != 0) {
    object.fail("kv_heads", "does not divide the query heads", std::to_string(heads.key_value),
                fmt::format("a divisor of {}", heads.query));
  }
  if (heads.dim % 8 != 0) {
    object.fail("head_dim", "no multiple of 8", std::to_string(heads.dim), "a multiple of 8");
  }
  return heads;
}

/// Layers without any but windows are those of a mask, which is the user's to ask for.
void read_window(json::Object& object, Model& model) {
  if (!object.has("window") && !object.has("window_layers")) return;
  model.window = static_cast<Token>(object.integer("window", 1, max_tokens));
  model.window_layers = static_cast<int>(object.integer("window_layers", 1, 1 << 10));
  if (object.failed() || model.window_layers < model.layers) return;
  object.fail("window_layers", "no layer is left without a window",
              std::to_string(model.window_layers), fmt::format("fewer than {}", model.layers));
}

/// Bounds keep every product of parameters() below 2^63.
void read_layers(json::Object& object, Model& model) {
  model.layers = static_cast<int>(object.integer("layers", 1, 1 << 10));
  model.hidden = object.integer("hidden", 1, 1 << 17);
  model.intermediate = object.integer("intermediate", 1, 1 << 20);
  model.vocabulary = object.integer("vocabulary", 1, 1 << 24);
  model.experts = static_cast<int>(object.integer_or("experts", 0, 0, 1 << 10));
  const int fewest = model.experts == 0 ? 0 : 1;
  model.experts_per_token =
      static_cast<int>(object.integer_or("experts_per_token", 0, fewest, model.experts));
  if (model.experts > 0 && model.experts_per_token == 0) {
    object.fail("experts_per_token", "missing key", "nothing", "how many experts a token uses");
  }
  model.tied_embeddings = object.boolean_or("tied_embeddings", false);
  read_window(object, model);
}

}  // namespace

Result<Heads> heads_per_rank(const Heads& heads, int tensor_parallel) {
  if (heads.query % tensor_parallel != 0) {
    return infeasible(fmt::format("tensor parallelism over {} GPUs does not divide {} query heads",
                                  tensor_parallel, heads.query));
  }
  if (heads.key_value % tensor_parallel != 0 && tensor_parallel % heads.key_value != 0) {
    return infeasible(fmt::format("tensor parallelism over {} GPUs splits groups of query heads",
                                  tensor_parallel));
  }
  return Heads{heads.query / tensor_parallel, std::max(1, heads.key_value / tensor_parallel),
               heads.dim};
}

Model read_model(json::Object& object) {
  Model model;
  model.name = object.text("name");
  model.heads = read_heads(object);
  if (object.has("layers")) read_layers(object, model);
  return model;
}

std::int64_t Model::parameters() const {
  if (attention_only()) return 0;
  const std::int64_t layer = attention_weights(*this) + mlp_weights(*this, experts);
  return layers * layer + (tied_embeddings ? 1 : 2) * vocabulary * hidden;
}

std::int64_t Model::active_parameters() const {
  if (attention_only()) return 0;
  const std::int64_t layer = attention_weights(*this) + mlp_weights(*this, experts_per_token);
  return layers * layer + vocabulary * hidden;
}

Result<std::vector<LayerMask>> layer_masks(const Model& model, const Mask& mask) {
  if (model.window_layers == 0) return std::vector<LayerMask>{{mask, 1}};
  const bool slides = mask.kind == Mask::Kind::sliding;
  if (mask.kind != Mask::Kind::causal && !slides) {
    return bad_input(fmt::format("layers of {} have a window", model.name), to_string(mask),
                     "a mask that is causal or sliding");
  }
  if (slides && mask.window <= model.window) return std::vector<LayerMask>{{mask, 1}};
  const double share = static_cast<double>(model.window_layers) / model.layers;
  return std::vector<LayerMask>{{mask, 1 - share},
                                {{Mask::Kind::sliding, model.window, 0, 0}, share}};
}

std::int64_t layer_area(std::span<const LayerMask> masks, const Batch& batch) {
  if (masks.size() == 1) return area(masks.front().mask, batch);
  double pairs = 0;
  for (const auto& [mask, share] : masks) pairs += share * static_cast<double>(area(mask, batch));
  return std::llround(pairs);
}

Result<Model> attention_model(const Heads& heads) {
  const auto outside = [](int value, int low, int high) { return value < low || value > high; };
  if (outside(heads.query, 1, max_heads) || outside(heads.key_value, 1, max_heads) ||
      outside(heads.dim, 8, max_head_dim)) {
    return bad_input("heads out of range", heads_text(heads),
                     fmt::format("heads and kv heads from 1 to {}, head dim from 8 to {}",
                                 max_heads, max_head_dim));
  }
  const std::string wrong = heads_error(heads);
  if (!wrong.empty()) return bad_input(wrong, heads_text(heads), heads_expected);
  Model model;
  model.name = fmt::format("attention-{}h{}kv-{}", heads.query, heads.key_value, heads.dim);
  model.heads = heads;
  return model;
}

Result<Model> load_model(const std::string& name_or_path, std::span<const Override> overrides) {
  HSAP_TRY(const std::string path, find_input("models", name_or_path));
  HSAP_TRY(json::Value value, json::read(path, 1 << 20));
  HSAP_CHECK(json::apply_overrides(value, overrides, "model"));
  json::Object root(value, path);
  root.schema("hsap.model/1");
  static_cast<void>(root.text_or("source", ""));  // for the file's readers
  Model model = read_model(root);
  HSAP_CHECK(root.finish());
  return model;
}

}  // namespace hsap
