#include "cost/measurements/data.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace hsap::fit {
namespace {

std::string name_of(const std::vector<Transfer>& transfers) {
  constexpr std::size_t most = 4;
  std::string name;
  for (std::size_t i = 0; i < std::min(most, transfers.size()); ++i) {
    name += fmt::format("{}{}>{}", i > 0 ? " " : "", transfers[i].from, transfers[i].to);
  }
  if (transfers.size() > most) name += fmt::format(" and {} more", transfers.size() - most);
  return name;
}

}  // namespace

Error Data::error_at(Place place, std::string message, std::string found,
                     std::string expected) const {
  Error error = bad_input(std::move(message), std::move(found), std::move(expected));
  error.file = files[place.file];
  if (place.line > 0) error.position = fmt::format("line {}", place.line);
  return error;
}

std::size_t Data::pattern_of(const std::vector<Transfer>& pairs) {
  const auto known = std::find_if(patterns.rbegin(), patterns.rend(), [&](const Pattern& pattern) {
    return pattern.transfers == pairs;
  });
  if (known != patterns.rend()) return static_cast<std::size_t>(patterns.rend() - known) - 1;
  patterns.push_back({name_of(pairs), pairs});
  return patterns.size() - 1;
}

}  // namespace hsap::fit
