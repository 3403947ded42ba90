#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "cli/inputs.hpp"
#include "hsap/status.hpp"

/// Flags that take a comma list or "all".
namespace hsap::cli {

/// The parts between commas, one where there is none.
[[nodiscard]] std::vector<std::string> split(const std::string& text);

/// The divisors of n, ascending.
[[nodiscard]] std::vector<int> divisors(int n);

/// The values of one flag: the default when it is not given, `all` for "all", or its list, each
/// once. `parse` turns a text into a Result<T>, whose error gets the flag as its place.
template <typename T, typename Parse>
Result<std::vector<T>> read_list(const char* flag, const std::string& text, T fallback,
                                 const std::vector<T>& all, Parse parse) {
  if (text.empty()) return std::vector<T>{fallback};
  if (text == "all") return all;
  std::vector<T> values;
  for (const std::string& part : split(text)) {
    Result<T> value = parse(part);
    if (!value) return at_flag(flag, std::move(value).error());
    if (std::find(values.begin(), values.end(), *value) == values.end()) values.push_back(*value);
  }
  return values;
}

}  // namespace hsap::cli
