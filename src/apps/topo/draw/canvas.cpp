#include "apps/topo/draw/canvas.hpp"

#include <algorithm>

namespace hsap::apps {
namespace {

bool continues_glyph(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

/// Bytes of the first character of UTF-8 text.
std::size_t glyph_bytes(std::string_view text) {
  std::size_t bytes = 1;
  while (bytes < text.size() && continues_glyph(text[bytes])) ++bytes;
  return bytes;
}

const char* escape_of(Ink ink) {
  switch (ink) {
    case Ink::plain:
      return "";
    case Ink::strong:
      return "\x1b[1m";
    case Ink::gpu:
      return "\x1b[32m";
    case Ink::nic:
      return "\x1b[36m";
    case Ink::faint:
      return "\x1b[2m";
  }
  return "";
}

}  // namespace

std::string paint(const std::string& text, Ink ink, bool color) {
  if (!color || ink == Ink::plain || text.empty()) return text;
  return escape_of(ink) + text + "\x1b[0m";
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return !continues_glyph(byte); }));
}

void Canvas::put(std::size_t row, std::size_t column, std::string_view text, Ink ink) {
  if (rows_.size() <= row) rows_.resize(row + 1);
  std::vector<Cell>& cells = rows_[row];
  if (cells.size() < column + width_of(text)) cells.resize(column + width_of(text));
  while (!text.empty()) {
    const std::size_t bytes = glyph_bytes(text);
    cells[column++] = {std::string(text.substr(0, bytes)), ink};
    text.remove_prefix(bytes);
  }
}

void Canvas::fill(std::size_t row, std::size_t first, std::size_t last, std::string_view glyph,
                  Ink ink) {
  for (std::size_t column = first; column < last; ++column) put(row, column, glyph, ink);
}

void Canvas::box(std::size_t top, std::size_t left, std::size_t bottom, std::size_t right,
                 std::string_view title) {
  for (const std::size_t row : {top, bottom}) fill(row, left + 1, right, "─", Ink::faint);
  for (std::size_t row = top + 1; row < bottom; ++row) {
    put(row, left, "│", Ink::faint);
    put(row, right, "│", Ink::faint);
  }
  put(top, left, "┌", Ink::faint);
  put(top, right, "┐", Ink::faint);
  put(bottom, left, "└", Ink::faint);
  put(bottom, right, "┘", Ink::faint);
  if (!title.empty()) put(top, left + 2, " " + std::string(title) + " ", Ink::strong);
}

std::string Canvas::text(bool color) const {
  std::string out;
  for (const std::vector<Cell>& cells : rows_) {
    std::size_t end = cells.size();
    while (end > 0 && cells[end - 1].glyph == " ") --end;
    for (std::size_t first = 0; first < end;) {
      std::size_t last = first;
      std::string run;
      while (last < end && cells[last].ink == cells[first].ink) run += cells[last++].glyph;
      out += paint(run, cells[first].ink, color);
      first = last;
    }
    out += '\n';
  }
  return out;
}

}  // namespace hsap::apps
