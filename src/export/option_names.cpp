#include "export/option_names.hpp"

#include <array>
#include <span>
#include <vector>

#include "base/names.hpp"

namespace hsap {
namespace {

constexpr std::array<std::string_view, 3> pass_names{"forward", "backward", "both"};
constexpr std::array<std::string_view, 3> checkpointing_names{"none", "selective", "full"};

template <typename Enum>
Result<Enum> parse_name(const std::string& text, const char* what,
                        std::span<const std::string_view> names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) return static_cast<Enum>(i);
  }
  const std::vector<std::string> known(names.begin(), names.end());
  return bad_input(std::string("unknown ") + what, "'" + text + "'", one_of(known));
}

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

}  // namespace hsap
