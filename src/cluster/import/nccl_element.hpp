#pragma once

#include <optional>
#include <string>

#include "cluster/import/xml.hpp"

namespace hsap::topo {

/// An element of NCCL's topology XML, with the means to read its attributes and to complain.
/// Every error names file, line, what was found and what was expected.
class Element {
 public:
  Element(const XmlElement& element, const std::string& file) : element_(&element), file_(&file) {}

  [[nodiscard]] const std::string& name() const { return element_->name; }
  [[nodiscard]] int line() const { return element_->line; }
  /// The text of an attribute, empty when left out.
  [[nodiscard]] std::string text(const char* attribute) const;
  /// An attribute that must be there and not be empty.
  [[nodiscard]] Result<std::string> required(const char* attribute) const;
  [[nodiscard]] Result<int> integer(const char* attribute, int low, int high) const;
  /// Nothing when the attribute is left out or empty.
  [[nodiscard]] Result<std::optional<int>> maybe(const char* attribute, int low, int high) const;
  /// "`message` of <name>".
  [[nodiscard]] Error error(const std::string& message, std::string found,
                            std::string expected) const;

 private:
  const XmlElement* element_;
  const std::string* file_;
};

/// "10de:2330" from vendor="0x10de" device="0x2330"; empty unless both are there.
[[nodiscard]] std::string chip_of(const Element& pci);

}  // namespace hsap::topo
