#include "export/option_names.hpp"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "base/names.hpp"

namespace hsap {
namespace {

constexpr std::array<std::string_view, 3> pass_names{"forward", "backward", "both"};
constexpr std::array<std::string_view, 2> loss_names{"fused", "plain"};
constexpr std::array<std::string_view, 2> matmul_names{"bf16", "fp8"};
constexpr std::array<std::string_view, 2> offload_names{"none", "activations"};
constexpr std::array<std::string_view, 4> checkpointing_names{"none", "norms", "selective", "full"};

}  // namespace

std::string_view to_string(Passes passes) { return pass_names[static_cast<std::size_t>(passes)]; }

Result<Passes> parse_passes(const std::string& text) {
  return parse_name<Passes>(text, "pass", pass_names);
}

std::string_view to_string(Training::Checkpointing checkpointing) {
  return checkpointing_names[static_cast<std::size_t>(checkpointing)];
}

Result<Training::Checkpointing> parse_checkpointing(const std::string& text) {
  return parse_name<Training::Checkpointing>(text, "checkpointing policy", checkpointing_names);
}

std::string_view to_string(Training::Loss loss) {
  return loss_names[static_cast<std::size_t>(loss)];
}

Result<Training::Loss> parse_loss(const std::string& text) {
  return parse_name<Training::Loss>(text, "loss", loss_names);
}

std::string_view to_string(Training::Matmul matmul) {
  return matmul_names[static_cast<std::size_t>(matmul)];
}

Result<Training::Matmul> parse_matmul(const std::string& text) {
  return parse_name<Training::Matmul>(text, "type of matrix products", matmul_names);
}

std::string_view to_string(Training::Offload offload) {
  return offload_names[static_cast<std::size_t>(offload)];
}

Result<Training::Offload> parse_offload(const std::string& text) {
  return parse_name<Training::Offload>(text, "offload", offload_names);
}

std::string masks_text(const Model& model, const Mask& mask) {
  const Result<std::vector<LayerMask>> masks = layer_masks(model, mask);
  if (!masks || masks->size() == 1) return to_string(mask);
  return fmt::format("{} ({} in {} of {} layers)", to_string(mask), to_string(masks->back().mask),
                     model.window_layers, model.layers);
}

std::string to_string(const Training& training) {
  std::string text =
      fmt::format("ZeRO {}, {} checkpointing", training.zero, to_string(training.checkpointing));
  if (training.offload != Training::Offload::none) {
    text += fmt::format(", {} offloaded", to_string(training.offload));
  }
  if (training.tensor_parallel > 1) {
    text += fmt::format(", tensor parallel {}", training.tensor_parallel);
  }
  if (training.pipeline_parallel > 1) {
    text += fmt::format(", pipeline {}", training.pipeline_parallel);
    if (training.virtual_stages > 1) text += fmt::format(" x {}", training.virtual_stages);
  }
  if (training.expert_parallel > 1) {
    text += fmt::format(", expert parallel {}", training.expert_parallel);
  }
  if (training.lookahead > 0) {
    text += fmt::format(", batches of {} step(s) by work", training.lookahead);
  }
  if (training.matmul != Training::Matmul::bf16) {
    text += fmt::format(", products in {}", to_string(training.matmul));
  }
  if (training.weight_gradients != Dtype::bf16) {
    text += fmt::format(", gradients in {}", to_string(training.weight_gradients));
  }
  if (training.loss != Training::Loss::fused) {
    text += fmt::format(", {} loss", to_string(training.loss));
  }
  if (training.loss_chunks > 1) text += fmt::format(", loss in {} chunks", training.loss_chunks);
  return text;
}

}  // namespace hsap
