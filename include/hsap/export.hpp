#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hsap/plan.hpp"
#include "hsap/status.hpp"

namespace hsap {

/// The trainers that a plan can be written for.
enum class Target : std::uint8_t { megatron, transformer_engine, yunchang, deepspeed, torchtitan };
inline constexpr int targets = 5;

/// "megatron", "transformer-engine", "yunchang", "deepspeed", "torchtitan".
[[nodiscard]] std::string_view to_string(Target target);
[[nodiscard]] Result<Target> parse_target(const std::string& text);

/// A way to train the rest of the model that the trainer has options for, so that an export loses
/// none of it. Trainers of attention alone have the usual one.
[[nodiscard]] Training usual_training(Target target);

/// A plan in the words of a trainer.
struct Exported {
  std::string text;  ///< options ready to use; starts with comments that also hold the notes
  /// What the trainer cannot say, each with the nearest that it can: "exchange p2p: ...". The
  /// options are then those of the nearest configuration. Empty when the plan is expressed.
  std::vector<std::string> notes;
  /// The first note about the strategy itself. Empty when the trainer's ranks do what it says, be
  /// it for padded documents, another mask or other training.
  std::string strategy_note;
};

/// The options of `target` for the plan, or for what is nearest to it. Never drops a part of the
/// strategy in silence.
[[nodiscard]] Exported export_plan(const Plan& plan, Target target);

}  // namespace hsap
