#pragma once

#include <string>
#include <vector>

namespace hsap::cli {

/// How text looks on a terminal.
enum class Style { plain, bold, dim, good, bad };

/// The text in that style; unchanged without colour.
[[nodiscard]] std::string styled(const std::string& text, Style style, bool color);

/// A bold line of its own with a blank one before it.
[[nodiscard]] std::string heading(const std::string& text, bool color);

/// Text in aligned columns for people:
///
///     Table table({{"batch", Align::right}, {"limit"}});
///     table.add({"1", "network"});
///     out += table.text(color);
///
/// Widths count code points, so that units like "µs" line up.
class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// One row; cells beyond the columns are dropped, missing ones stay blank.
  void add(std::vector<std::string> cells, Style style = Style::plain);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// The title line and the rows, each indented by two spaces, without trailing blanks.
  [[nodiscard]] std::string text(bool color) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    Style style = Style::plain;
  };
  [[nodiscard]] std::vector<std::size_t> widths() const;
  [[nodiscard]] std::string line(const std::vector<std::string>& cells,
                                 const std::vector<std::size_t>& widths) const;

  std::vector<Column> columns_;
  std::vector<Row> rows_;
};
/// As columns of numbers are.
inline constexpr auto right = Table::Align::right;

}  // namespace hsap::cli
