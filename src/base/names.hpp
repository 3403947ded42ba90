#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hsap/status.hpp"

namespace hsap {

/// The known names that look most like `name` (edit distance), best first, at most three.
[[nodiscard]] std::vector<std::string> near_misses(const std::string& name,
                                                   std::span<const std::string> known);

/// "'a', 'b' or 'c'".
[[nodiscard]] std::string one_of(std::span<const std::string> names);

/// What to say was expected instead of an unknown name: the near misses, or when none is near
/// all (the first 24 of them).
[[nodiscard]] std::string suggest(const std::string& name, std::span<const std::string> known);

/// Finds `text` among the names of an enumeration whose values count from 0 in that order; the
/// error lists them all. `what` names the choice ("layout").
template <typename Enum>
[[nodiscard]] Result<Enum> parse_name(const std::string& text, const char* what,
                                      std::span<const std::string_view> names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == text) return static_cast<Enum>(i);
  }
  const std::vector<std::string> known(names.begin(), names.end());
  return bad_input(std::string("unknown ") + what, "'" + text + "'", one_of(known));
}

}  // namespace hsap
