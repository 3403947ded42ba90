#include "cli/table.hpp"

#include <algorithm>

namespace hsap::cli {
namespace {

const char* escape_of(Style style) {
  switch (style) {
    case Style::plain:
      return "";
    case Style::bold:
      return "\x1b[1m";
    case Style::dim:
      return "\x1b[2m";
    case Style::good:
      return "\x1b[32m";
    case Style::bad:
      return "\x1b[31m";
  }
  return "";
}

/// Code points of UTF-8 text: every byte that does not continue another.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

}  // namespace

std::string styled(const std::string& text, Style style, bool color) {
  if (!color || style == Style::plain || text.empty()) return text;
  return escape_of(style) + text + "\x1b[0m";
}

std::string heading(const std::string& text, bool color) {
  return "\n" + styled(text, Style::bold, color) + "\n";
}

void Table::add(std::vector<std::string> cells, Style style) {
  cells.resize(columns_.size());
  rows_.push_back({std::move(cells), style});
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    widths[i] = width(columns_[i].title);
    for (const Row& row : rows_) widths[i] = std::max(widths[i], width(row.cells[i]));
  }
  return widths;
}

std::string Table::line(const std::vector<std::string>& cells,
                        const std::vector<std::size_t>& widths) const {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string blank(widths[i] - width(cells[i]), ' ');
    line += "  ";
    line += columns_[i].align == Align::right ? blank + cells[i] : cells[i] + blank;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string Table::text(bool color) const {
  const std::vector<std::size_t> size = widths();
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  std::string text = styled(line(titles, size), Style::bold, color) + "\n";
  for (const Row& row : rows_) text += styled(line(row.cells, size), row.style, color) + "\n";
  return text;
}

}  // namespace hsap::cli
