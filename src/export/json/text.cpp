#include "export/json/text.hpp"

#include <algorithm>

namespace hsap {
namespace {

using json::Ordered;

std::string scalar(const Ordered& value) {
  return value.dump(-1, ' ', false, Ordered::error_handler_t::replace);
}

bool flat(const Ordered& value) {
  return std::none_of(value.begin(), value.end(),
                      [](const Ordered& item) { return item.is_structured(); });
}

void append(std::string& out, const Ordered& value, std::size_t indent);

void append_line(std::string& out, const Ordered& array) {
  out += '[';
  bool first = true;
  for (const Ordered& item : array) {
    if (!first) out += ", ";
    first = false;
    out += scalar(item);
  }
  out += ']';
}

void append_lines(std::string& out, const Ordered& value, std::size_t indent) {
  out += value.is_object() ? "{" : "[";
  bool first = true;
  for (const auto& [key, item] : value.items()) {
    out += first ? "\n" : ",\n";
    first = false;
    out.append(indent + 2, ' ');
    if (value.is_object()) out += scalar(key) + ": ";
    append(out, item, indent + 2);
  }
  out += '\n';
  out.append(indent, ' ');
  out += value.is_object() ? "}" : "]";
}

void append(std::string& out, const Ordered& value, std::size_t indent) {
  if (!value.is_structured()) {
    out += scalar(value);
  } else if (value.empty()) {
    out += value.is_object() ? "{}" : "[]";
  } else if (value.is_array() && flat(value)) {
    append_line(out, value);
  } else {
    append_lines(out, value, indent);
  }
}

}  // namespace

std::string json_text(const json::Ordered& value) {
  std::string out;
  append(out, value, 0);
  return out + "\n";
}

}  // namespace hsap
