#pragma once

#include <string>

#include "hsap/tune.hpp"

namespace hsap {

/// A search for people: how much was searched, the winner and its rivals as a table, the Pareto
/// set, and the reasons.
[[nodiscard]] std::string search_report(const Search& search, bool color);

}  // namespace hsap
