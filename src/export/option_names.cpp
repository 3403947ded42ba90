#include "export/option_names.hpp"

#include <array>

#include "base/names.hpp"

namespace hsap {
namespace {

constexpr std::array<std::string_view, 3> pass_names{"forward", "backward", "both"};
constexpr std::array<std::string_view, 3> checkpointing_names{"none", "selective", "full"};

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

std::string_view to_string(Basis::Kind kind) {
  constexpr std::string_view names[] = {"calibrated", "extrapolated", "uncalibrated"};
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace hsap
