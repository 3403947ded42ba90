#include <fmt/format.h>

#include "hsap/model.hpp"

namespace hsap {

int Pipeline::layers_of(int stage) const {
  int sum = 0;
  for (int piece = stage; piece < pieces(); piece += stages) {
    sum += layers[static_cast<std::size_t>(piece)];
  }
  return sum;
}

Result<Pipeline> pipeline_of(const Model& model, int stages, int virtual_stages) {
  if (stages == 1) {
    if (virtual_stages == 1) return Pipeline{1, {model.layers}};
    return bad_input("virtual stages need a pipeline", std::to_string(virtual_stages),
                     "a pipeline_parallel of 2 or more");
  }
  if (model.attention_only()) {
    return bad_input("a pipeline needs a model with layers", std::to_string(stages),
                     "a pipeline_parallel of 1");
  }
  // Both are at most 2^10.
  const int pieces = stages * virtual_stages;
  const bool shared = model.layers % pieces != 0;
  if (shared && ((model.layers + 2) % pieces != 0 || pieces > model.layers)) {
    return infeasible(
        fmt::format("{} layers cannot be cut into {} equal pieces", model.layers, pieces));
  }
  Pipeline pipeline{stages, std::vector(static_cast<std::size_t>(pieces),
                                        (model.layers + (shared ? 2 : 0)) / pieces)};
  if (shared) {
    --pipeline.layers.front();
    --pipeline.layers.back();
  }
  return pipeline;
}

}  // namespace hsap
