#include "validate/measure/numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace hsap::measure {

Result<std::vector<std::vector<double>>> gather_numbers(world::World& world,
                                                        const std::vector<double>& own) {
  std::string text;
  for (const double number : own) text += fmt::format("{} ", number);
  HSAP_TRY(const std::vector<std::string> all, world.gather(text));
  std::vector<std::vector<double>> numbers;
  for (const std::string& said : all) {
    std::vector<double>& of_rank = numbers.emplace_back();
    const char* at = said.data();
    const char* const end = at + said.size();
    double value = 0;
    while (at < end) {
      const auto [after, error] = std::from_chars(at, end, value);
      if (error != std::errc()) return internal_error("a rank told '" + said + "' for numbers");
      of_rank.push_back(value);
      at = after + 1;
    }
  }
  return numbers;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace hsap::measure
