#include "cost/measurements/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/lines.hpp"
#include "base/units.hpp"
#include "cost/measurements/data.hpp"

namespace hsap::fit {
namespace {

constexpr std::size_t most_columns = 256;

/// Cuts a line into fields; false when a quote is not closed.
bool split(const std::string& line, std::vector<std::string>& fields) {
  fields.assign(1, "");
  bool inside = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      const bool escaped = inside && i + 1 < line.size() && line[i + 1] == '"';
      if (escaped) fields.back() += line[++i];
      if (!escaped) inside = !inside;
    } else if (line[i] == ',' && !inside) {
      if (fields.size() > most_columns) return true;
      fields.emplace_back();
    } else {
      fields.back() += line[i];
    }
  }
  std::transform(fields.begin(), fields.end(), fields.begin(), trimmed);
  return !inside;
}

}  // namespace

Result<CsvTable> CsvTable::open(const std::string& path, std::span<const std::string_view> columns,
                                std::span<const std::string_view> optional) {
  HSAP_TRY(LineReader lines, LineReader::open(path, max_file_bytes, max_line_bytes));
  CsvTable table(std::move(lines));
  if (!table.read_fields()) {
    HSAP_CHECK(table.status_);
    return table.error("an empty table", {}, "a header line");
  }
  if (table.fields_.size() > most_columns) {
    return table.error("too many columns", "more", fmt::format("at most {}", most_columns));
  }
  table.width_ = table.fields_.size();
  for (const std::string_view name : columns) {
    HSAP_CHECK(table.find_column(name));
    if (table.places_.back() != missing) continue;
    return table.error(fmt::format("no column '{}'", name),
                       in_quotes(fmt::format("{}", fmt::join(table.fields_, ","))),
                       fmt::format("a header with {}", fmt::join(columns, ",")));
  }
  for (const std::string_view name : optional) HSAP_CHECK(table.find_column(name));
  return table;
}

/// The next line that says something, cut into fields.
bool CsvTable::read_fields() {
  std::string line;
  while (lines_.next(line)) {
    if (trimmed(line).empty() || trimmed(line).front() == '#') continue;
    if (!split(line, fields_)) status_ = error("a quote is not closed", in_quotes(line), "'\"'");
    return status_.ok();
  }
  status_ = lines_.status();
  return false;
}

Status CsvTable::find_column(std::string_view name) {
  const auto found = std::find(fields_.begin(), fields_.end(), name);
  const bool known = found != fields_.end();
  if (known && std::find(found + 1, fields_.end(), name) != fields_.end()) {
    return error("a column named twice", in_quotes(name));
  }
  names_.emplace_back(name);
  places_.push_back(known ? static_cast<std::size_t>(found - fields_.begin()) : missing);
  return {};
}

bool CsvTable::next() {
  if (!status_.ok() || !read_fields()) return false;
  if (fields_.size() == width_) return true;
  status_ = error("a row of another width than the header",
                  fmt::format("{} fields", fields_.size()), std::to_string(width_));
  return false;
}

Result<double> CsvTable::number(std::size_t column, double low, double high) const {
  const Result<double> value = parse_number(text(column), names_[column]);
  if (value.ok() && *value >= low && *value <= high) return *value;
  return error("bad '" + names_[column] + "'", in_quotes(text(column)),
               fmt::format("a number from {:g} to {:g}", low, high));
}

Result<std::int64_t> CsvTable::integer(std::size_t column, std::int64_t low,
                                       std::int64_t high) const {
  const Result<double> value = parse_number(text(column), names_[column]);
  if (value.ok() && *value >= static_cast<double>(low) && *value <= static_cast<double>(high) &&
      std::floor(*value) == *value) {
    return static_cast<std::int64_t>(*value);
  }
  return error("bad '" + names_[column] + "'", in_quotes(text(column)),
               fmt::format("an integer from {} to {}", low, high));
}

}  // namespace hsap::fit
