#include "export/json/training.hpp"

#include "export/option_names.hpp"

namespace hsap {

json::Ordered to_json(const Training& training) {
  json::Ordered out;
  out["zero"] = training.zero;
  out["checkpointing"] = to_string(training.checkpointing);
  if (training.offload != Training::Offload::none) out["offload"] = to_string(training.offload);
  out["weight_gradients"] = to_string(training.weight_gradients);
  if (training.matmul != Training::Matmul::bf16) out["matmul"] = to_string(training.matmul);
  if (training.loss != Training::Loss::fused) out["loss"] = to_string(training.loss);
  if (training.loss_chunks > 1) out["loss_chunks"] = training.loss_chunks;
  if (training.virtual_stages > 1) out["virtual_stages"] = training.virtual_stages;
  if (training.lookahead > 0) out["lookahead"] = training.lookahead;
  if (training.global_batch > 0) out["global_batch"] = training.global_batch;
  return out;
}

Training read_training(json::Object& from, bool complete) {
  const auto optional_integer = [&](const char* key, int fallback, int most) {
    return static_cast<int>(from.integer_or(key, fallback, 1, most));
  };
  Training training;
  if (complete || from.has("zero")) training.zero = static_cast<int>(from.integer("zero", 0, 3));
  if (complete || from.has("checkpointing")) {
    training.checkpointing = from.parsed("checkpointing", parse_checkpointing);
  }
  training.offload = from.parsed_or("offload", parse_offload, training.offload);
  if (training.offload != Training::Offload::none &&
      training.checkpointing != Training::Checkpointing::full) {
    from.fail("offload", "only what full checkpointing keeps is offloaded",
              std::string(to_string(training.checkpointing)) + " checkpointing",
              "full checkpointing, or none offloaded");
  }
  training.weight_gradients =
      from.parsed_or("weight_gradients", parse_dtype, training.weight_gradients);
  training.matmul = from.parsed_or("matmul", parse_matmul, training.matmul);
  training.loss = from.parsed_or("loss", parse_loss, training.loss);
  training.loss_chunks = optional_integer("loss_chunks", training.loss_chunks, max_loss_chunks);
  training.virtual_stages =
      optional_integer("virtual_stages", training.virtual_stages, max_virtual_stages);
  training.lookahead = optional_integer("lookahead", training.lookahead, max_lookahead);
  training.global_batch = optional_integer("global_batch", training.global_batch, max_global_batch);
  return training;
}

}  // namespace hsap
