#include "cost/calibrate/record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/units.hpp"

namespace hsap::fit {
namespace {

/// Four digits are more than any measurement holds, and read well in a file.
double rounded(double value) {
  const Result<double> short_value = parse_number(fmt::format("{:.4g}", value), "value");
  return short_value.ok() ? *short_value : value;
}

}  // namespace

void set(Calibration& out, const std::string& path, double& number, double value) {
  const double before = number;
  number = rounded(value);
  const auto known = std::find_if(out.numbers.begin(), out.numbers.end(),
                                  [&](const Number& noted) { return noted.path == path; });
  if (known != out.numbers.end()) {
    known->after = number;
  } else {
    out.numbers.push_back({path, before, number});
  }
}

void keep(Calibration& out, const std::string& what, const std::string& why) {
  out.undetermined.push_back({what, why});
}

void widen(std::optional<ClusterSpec::Calibrated::Range>& range, double value) {
  if (!range) range = {value, value};
  range->low = std::min(range->low, value);
  range->high = std::max(range->high, value);
}

void set_source(ClusterSpec& spec, const std::string& what, const std::string& text) {
  const std::string line = what + ": " + text;
  const auto known =
      std::find_if(spec.sources.begin(), spec.sources.end(),
                   [&](const std::string& source) { return source.starts_with(what + ":"); });
  if (known != spec.sources.end()) {
    *known = line;
  } else {
    spec.sources.push_back(line);
  }
}

std::string file_names(const Data& data, const std::set<std::size_t>& files) {
  std::string names;
  for (const std::size_t file : files) {
    const std::string name = std::filesystem::path(data.files[file]).filename().string();
    names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

}  // namespace hsap::fit
