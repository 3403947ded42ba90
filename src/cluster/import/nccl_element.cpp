#include "cluster/import/nccl_element.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace hsap::topo {

std::string Element::text(const char* attribute) const {
  const std::string* value = element_->find(attribute);
  return value == nullptr ? "" : *value;
}

Result<std::string> Element::required(const char* attribute) const {
  const std::string* value = element_->find(attribute);
  if (value != nullptr && !value->empty()) return *value;
  return error("missing attribute", value == nullptr ? "nothing" : "an empty one",
               fmt::format("'{}'", attribute));
}

Result<int> Element::integer(const char* attribute, int low, int high) const {
  HSAP_TRY(const std::string written, required(attribute));
  int value = 0;
  const char* end = written.data() + written.size();
  const auto [stop, code] = std::from_chars(written.data(), end, value);
  if (code == std::errc{} && stop == end && value >= low && value <= high) return value;
  return error(fmt::format("bad '{}'", attribute), fmt::format("'{}'", written.substr(0, 40)),
               fmt::format("an integer from {} to {}", low, high));
}

Result<std::optional<int>> Element::maybe(const char* attribute, int low, int high) const {
  if (text(attribute).empty()) return std::optional<int>();
  HSAP_TRY(const int value, integer(attribute, low, high));
  return std::optional<int>(value);
}

Error Element::error(const std::string& message, std::string found, std::string expected) const {
  Error error = bad_input(fmt::format("{} of <{}>", message, name().substr(0, 40)),
                          std::move(found), std::move(expected));
  error.file = *file_;
  error.position = fmt::format("line {}", line());
  return error;
}

std::string chip_of(const Element& pci) {
  const auto digits = [&](const char* attribute) {
    std::string text = pci.text(attribute);
    if (text.starts_with("0x")) text.erase(0, 2);
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
  };
  const std::string vendor = digits("vendor");
  const std::string device = digits("device");
  return vendor.empty() || device.empty() ? "" : vendor + ":" + device;
}

}  // namespace hsap::topo
