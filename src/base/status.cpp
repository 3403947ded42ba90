#include "hsap/status.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

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

/// UTF-8 without control characters: text from a file must not steer the user's terminal, nor
/// stop who reads our words.
std::string printable(std::string text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = character(std::string_view(text).substr(i));
    if (size == 0) text[i] = '?';
    i += std::max<std::size_t>(size, 1);
  }
  return text;
}

/// What stands in a file or a flag may be megabytes long; its beginning tells which it is.
std::string brief(const std::string& text) {
  constexpr std::size_t most = 400;
  return text.size() <= most ? text : text.substr(0, most) + "...";
}

}  // namespace

std::string Error::text() const {
  std::string text = file;
  if (!position.empty()) text += (text.empty() ? "" : ": ") + brief(position);
  text += (text.empty() ? "" : ": ") + message;
  if (!found.empty()) text += "; found " + brief(found);
  if (!expected.empty()) text += (found.empty() ? "; expected " : ", expected ") + expected;
  return printable(std::move(text));
}

Error bad_input(std::string message, std::string found, std::string expected) {
  Error error;
  error.message = std::move(message);
  error.found = std::move(found);
  error.expected = std::move(expected);
  return error;
}

Error infeasible(std::string message) {
  Error error;
  error.kind = ErrorKind::infeasible;
  error.message = std::move(message);
  return error;
}

Error internal_error(std::string message) {
  Error error;
  error.kind = ErrorKind::internal;
  error.message = std::move(message);
  return error;
}

}  // namespace hsap
