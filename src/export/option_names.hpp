#pragma once

#include <string>
#include <string_view>

#include "hsap/cost.hpp"
#include "hsap/mask.hpp"
#include "hsap/model.hpp"
#include "hsap/predict.hpp"
#include "hsap/status.hpp"

/// The spelling of options that are neither problem nor strategy, in flags and in JSON.
namespace hsap {

/// "forward", "backward" or "both".
[[nodiscard]] std::string_view to_string(Passes passes);
[[nodiscard]] Result<Passes> parse_passes(const std::string& text);

/// "fused" or "plain".
[[nodiscard]] std::string_view to_string(Training::Loss loss);
[[nodiscard]] Result<Training::Loss> parse_loss(const std::string& text);

/// "none" or "activations".
[[nodiscard]] std::string_view to_string(Training::Offload offload);
[[nodiscard]] Result<Training::Offload> parse_offload(const std::string& text);

/// "bf16" or "fp8".
[[nodiscard]] std::string_view to_string(Training::Matmul matmul);
[[nodiscard]] Result<Training::Matmul> parse_matmul(const std::string& text);

/// "none", "norms", "selective" or "full".
[[nodiscard]] std::string_view to_string(Training::Checkpointing checkpointing);
[[nodiscard]] Result<Training::Checkpointing> parse_checkpointing(const std::string& text);

/// "causal", "causal (sliding:128 in 18 of 36 layers)": the masks of a model's layers.
[[nodiscard]] std::string masks_text(const Model& model, const Mask& mask);

/// "ZeRO 1, selective checkpointing", and what is not the usual: ", tensor parallel 8, pipeline 4 x
/// 2, expert parallel 8, batches of 2 step(s) by work, products in fp8, gradients in fp32, plain
/// loss, loss in 4 chunks".
[[nodiscard]] std::string to_string(const Training& training);

}  // namespace hsap
