#include "hsap/status.hpp"

#include <utility>

#include "base/printable.hpp"

namespace hsap {
namespace {

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
