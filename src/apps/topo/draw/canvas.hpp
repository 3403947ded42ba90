#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hsap::apps {

/// What a piece of a drawing is; decides its colour on a terminal.
enum class Ink { plain, strong, gpu, nic, faint };

/// `text` in the escape codes of its ink, or as it is without colour.
[[nodiscard]] std::string paint(const std::string& text, Ink ink, bool color);

/// Number of characters (not bytes) of UTF-8 text.
[[nodiscard]] std::size_t width_of(std::string_view text);

/// A grid of characters to draw on. Grows as needed; later marks cover earlier ones.
class Canvas {
 public:
  /// Writes UTF-8 text from (row, column) to the right.
  void put(std::size_t row, std::size_t column, std::string_view text, Ink ink = Ink::plain);
  /// Repeats one character over columns [first, last).
  void fill(std::size_t row, std::size_t first, std::size_t last, std::string_view glyph,
            Ink ink = Ink::plain);
  /// An outline with `title` in its upper border; all four corners are inside the rectangle.
  void box(std::size_t top, std::size_t left, std::size_t bottom, std::size_t right,
           std::string_view title);
  /// All rows, each with a newline and without trailing blanks.
  [[nodiscard]] std::string text(bool color) const;

 private:
  struct Cell {
    std::string glyph = " ";
    Ink ink = Ink::plain;
  };
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace hsap::apps
