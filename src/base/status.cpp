#include "hsap/status.hpp"

#include <utility>

namespace hsap {
namespace {

/// Without control characters: text from a file must not steer the user's terminal.
std::string printable(std::string text) {
  for (char& c : text) {
    if ((c >= 0 && c < ' ' && c != '\n') || c == 127) c = '?';
  }
  return text;
}

}  // namespace

std::string Error::text() const {
  std::string text = file;
  if (!position.empty()) text += (text.empty() ? "" : ": ") + position;
  text += (text.empty() ? "" : ": ") + message;
  if (!found.empty()) text += "; found " + found;
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
