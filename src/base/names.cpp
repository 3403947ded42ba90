#include "base/names.hpp"

#include <algorithm>
#include <numeric>

namespace hsap {
namespace {

/// Levenshtein distance, one row of the table at a time.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row.back();
}

}  // namespace

std::vector<std::string> near_misses(const std::string& name, std::span<const std::string> known) {
  constexpr std::size_t longest = 200;  // a stranger's key may be a megabyte
  if (name.size() > longest) return {};
  std::vector<std::pair<std::size_t, std::string>> scored;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    const bool contained = !name.empty() && candidate.find(name) != std::string::npos;
    if (contained || distance <= std::max<std::size_t>(2, candidate.size() / 3)) {
      scored.emplace_back(distance, candidate);
    }
  }
  std::sort(scored.begin(), scored.end());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, scored.size()); ++i) {
    names.push_back(scored[i].second);
  }
  return names;
}

std::string one_of(std::span<const std::string> names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += "'" + names[i] + "'";
  }
  return text;
}

std::string suggest(const std::string& name, std::span<const std::string> known) {
  constexpr std::size_t most = 24;  // more than that helps nobody
  const std::vector<std::string> near = near_misses(name, known);
  if (!near.empty()) return one_of(near);
  return one_of(known.first(std::min(most, known.size()))) + (known.size() > most ? ", ..." : "");
}

}  // namespace hsap
