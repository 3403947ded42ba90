#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "hsap/tune.hpp"

namespace hsap {

/// Why the best candidate wins, in sentences made of predicted figures only: what limits it, how
/// the best of each other method (`best_of_methods`, best first) differs from it, and which group
/// sizes do not fit. Without a best candidate: the most frequent reasons why nothing works.
[[nodiscard]] std::vector<std::string> reasons(const Search& search,
                                               std::span<const std::size_t> best_of_methods);

/// "takes 12.3 % longer a token", or "is as fast" where that would say 0.0.
[[nodiscard]] std::string compared(double percent_slower);

/// Why candidates are infeasible: "12 strategies, such as U32 C1: needs ...", at most `most`, the
/// most frequent first, what was not wanted last. Reasons that differ in numbers only count as one.
[[nodiscard]] std::vector<std::string> frequent_reasons(const Search& search, std::size_t most);

}  // namespace hsap
