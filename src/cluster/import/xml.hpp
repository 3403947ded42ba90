#pragma once

#include <string>
#include <utility>
#include <vector>

#include "hsap/status.hpp"

/// XML from strangers: read by pugixml, which resolves no entities, behind limits of its own.
namespace hsap::topo {

struct XmlElement {
  std::string name;
  int parent = -1;  ///< index of an element before this one
  int line = 1;
  std::vector<std::pair<std::string, std::string>> attributes;

  /// The value of an attribute, or null.
  [[nodiscard]] const std::string* find(const std::string& attribute) const;
};

struct XmlDocument {
  std::vector<XmlElement> elements;  ///< in the order of the file; the first is the root
  int stray_text_line = 0;           ///< first line with text between elements; 0 for none
};

/// Limits: more means that this is no topology.
inline constexpr std::size_t max_xml_elements = 65536;
inline constexpr int max_xml_depth = 64;

/// Text between elements is tolerated. Errors name the line: markup that does not close, document
/// type declarations (they declare entities), a second root, an attribute given twice, more
/// elements or depth than the limits.
[[nodiscard]] Result<XmlDocument> parse_xml(const std::string& text, const std::string& file);

}  // namespace hsap::topo
