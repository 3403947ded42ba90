#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/lines.hpp"

namespace hsap::fit {

/// A table with a header line, read row by row in bounded memory. Fields are separated by commas
/// and may stand in double quotes, with "" for a quote inside; empty lines and lines that begin
/// with '#' are skipped; columns that nobody asks for are ignored.
class CsvTable {
 public:
  /// Opens the file and finds the columns; those in `optional`, whose indices follow, may be
  /// missing. Errors: no such column, a column named twice.
  static Result<CsvTable> open(const std::string& path, std::span<const std::string_view> columns,
                               std::span<const std::string_view> optional = {});

  /// The next row, or false at the end or after an error, which status() then tells.
  bool next();
  [[nodiscard]] Status status() const { return status_; }
  [[nodiscard]] std::int64_t line() const { return lines_.number(); }
  /// Whether the table has that column: always, unless it is optional.
  [[nodiscard]] bool has(std::size_t column) const { return places_[column] != missing; }
  /// Field of the row in the asked-for column of that index.
  [[nodiscard]] const std::string& text(std::size_t column) const {
    return fields_[places_[column]];
  }
  /// The same as a number in [low, high].
  [[nodiscard]] Result<double> number(std::size_t column, double low, double high) const;
  /// The same without a fraction.
  [[nodiscard]] Result<std::int64_t> integer(std::size_t column, std::int64_t low,
                                             std::int64_t high) const;
  /// An error at the row read last.
  [[nodiscard]] Error error(const std::string& message, const std::string& found = {},
                            const std::string& expected = {}) const {
    return lines_.error(message, found, expected);
  }

 private:
  explicit CsvTable(LineReader lines) : lines_(std::move(lines)) {}
  bool read_fields();
  Status find_column(std::string_view name);

  static constexpr std::size_t missing = ~std::size_t{0};
  LineReader lines_;
  Status status_;
  std::vector<std::string> names_;  ///< of the columns asked for
  std::vector<std::size_t> places_;
  std::vector<std::string> fields_;
  std::size_t width_ = 0;
};

}  // namespace hsap::fit
