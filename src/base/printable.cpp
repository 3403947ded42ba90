#include "base/printable.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace hsap {
namespace {

/// How many bytes the printable UTF-8 character at the begin of a text has; 0 when none is there.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return (lead >= ' ' && lead != 127) || lead == '\n' ? 1 : 0;
  const std::size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (lead < 0xC2 || lead > 0xF4 || size > text.size()) return 0;
  std::uint32_t point = lead & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return 0;
    point = point << 6 | (byte(i) & 0x3Fu);
  }
  constexpr std::uint32_t least[] = {0xA0, 0x800, 0x10000};  // below 0xA0 are control characters
  const bool surrogate = point >= 0xD800 && point < 0xE000;
  return point >= least[size - 2] && point < 0x110000 && !surrogate ? size : 0;
}

}  // namespace

std::string printable(std::string text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = character(std::string_view(text).substr(i));
    if (size == 0) text[i] = '?';
    i += std::max<std::size_t>(size, 1);
  }
  return text;
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', '?');
  return printable(std::move(text));
}

}  // namespace hsap
