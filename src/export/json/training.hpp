#pragma once

#include "base/json.hpp"
#include "hsap/cost.hpp"

namespace hsap {

/// How the rest of the model is trained: {"zero": 1, "checkpointing": "selective",
/// "weight_gradients": "bf16"}, and "offload", "matmul", "loss", "loss_chunks", "virtual_stages",
/// "lookahead" and "global_batch" where they are not the usual. Degrees belong to the mesh.
[[nodiscard]] json::Ordered to_json(const Training& training);

/// Reads the same. With `complete`, "zero" and "checkpointing" must be there; what may be left out
/// has the default of Training. Errors stay in the object; the caller finishes it.
[[nodiscard]] Training read_training(json::Object& from, bool complete);

}  // namespace hsap
