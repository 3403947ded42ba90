#pragma once

#include <span>
#include <string>
#include <vector>

namespace hsap {

/// The known names that look most like `name` (edit distance), best first, at most three.
[[nodiscard]] std::vector<std::string> near_misses(const std::string& name,
                                                   std::span<const std::string> known);

/// "'a', 'b' or 'c'".
[[nodiscard]] std::string one_of(std::span<const std::string> names);

/// What to say was expected instead of an unknown name: the near misses, or when none is near
/// all (the first 24 of them).
[[nodiscard]] std::string suggest(const std::string& name, std::span<const std::string> known);

}  // namespace hsap
