#include "cluster/import/xml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>
#include <string_view>

namespace hsap::topo {
namespace {

/// What would have been well formed where pugixml gave up.
const char* expected_for(pugi::xml_parse_status status) {
  switch (status) {
    case pugi::status_bad_attribute:
      return "an attribute as name=\"value\"";
    case pugi::status_bad_start_element:
    case pugi::status_unrecognized_tag:
      return "a start tag that ends in '>'";
    case pugi::status_bad_end_element:
      return "an end tag </name>";
    case pugi::status_end_element_mismatch:
      return "the end tag of every element, innermost first";
    case pugi::status_no_document_element:
      return "an element <system>";
    case pugi::status_out_of_memory:
      return "a file that fits into memory";
    default:
      return "XML that ends what it begins";
  }
}

class DocumentReader {
 public:
  DocumentReader(const std::string& text, const std::string& file) : text_(text), file_(file) {}

  Result<XmlDocument> read() {
    HSAP_CHECK(check_raw());
    // Attribute values stay as they are written: what an entity stands for is never looked up.
    constexpr unsigned int flags = pugi::parse_cdata | pugi::parse_doctype;
    pugi::xml_document document;
    const pugi::xml_parse_result result =
        document.load_buffer(text_.data(), text_.size(), flags, pugi::encoding_utf8);
    if (!result) {
      const std::ptrdiff_t at = after_blanks(result.offset);
      return error(at, "not well-formed XML", excerpt(at), expected_for(result.status));
    }
    HSAP_CHECK(check_roots(document));
    HSAP_CHECK(walk(document.document_element()));
    return std::move(out_);
  }

 private:
  /// What must not reach the parser: control characters, which XML forbids and which would steer
  /// a terminal later, and more markup than a topology has, which would fill memory.
  [[nodiscard]] Status check_raw() const {
    const auto control = std::find_if(text_.begin(), text_.end(), [](char c) {
      return (c >= 0 && c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 127;
    });
    if (control != text_.end()) {
      return error(control - text_.begin(), "not text",
                   fmt::format("a control character, {:#04x}", static_cast<int>(*control)),
                   "UTF-8 text");
    }
    std::size_t tags = 0;
    for (std::size_t at = text_.find('<'); at != std::string::npos; at = text_.find('<', at + 1)) {
      // An element has two tags at most.
      if (++tags <= 2 * max_xml_elements) continue;
      return error(static_cast<std::ptrdiff_t>(at), "too many elements",
                   fmt::format("more than {}", max_xml_elements),
                   fmt::format("at most {}", max_xml_elements));
    }
    return {};
  }

  [[nodiscard]] Status check_roots(const pugi::xml_document& document) const {
    int roots = 0;
    for (const pugi::xml_node node : document.children()) {
      if (node.type() == pugi::node_doctype) {
        const auto at = static_cast<std::ptrdiff_t>(
            text_.rfind("<!", static_cast<std::size_t>(clamp(node.offset_debug()))));
        return error(at, "document type declaration", excerpt(at),
                     "a topology without declarations; entities are not resolved");
      }
      if (node.type() == pugi::node_element && ++roots > 1) {
        return error(node.offset_debug(), "more than one root element",
                     excerpt(node.offset_debug()), "one element <system>");
      }
    }
    return {};
  }

  /// Visits the tree without recursion, parents first.
  Status walk(const pugi::xml_node root) {
    int depth = 1;
    int parent = -1;
    for (pugi::xml_node node = root; node;) {
      if (node.type() == pugi::node_element) {
        HSAP_CHECK(add(node, parent));
        if (node.first_child()) {
          parent = static_cast<int>(out_.elements.size()) - 1;
          node = node.first_child();
          if (++depth > max_xml_depth) return too_deep(node);
          continue;
        }
      } else if (out_.stray_text_line == 0) {
        out_.stray_text_line = line_of(node.offset_debug());
      }
      while (node != root && !node.next_sibling()) {
        node = node.parent();
        parent = out_.elements[static_cast<std::size_t>(parent)].parent;
        --depth;
      }
      node = node == root ? pugi::xml_node() : node.next_sibling();
    }
    return {};
  }

  Status add(const pugi::xml_node& node, int parent) {
    if (out_.elements.size() == max_xml_elements) {
      return error(node.offset_debug(), "too many elements", excerpt(node.offset_debug()),
                   fmt::format("at most {}", max_xml_elements));
    }
    XmlElement element{node.name(), parent, line_of(node.offset_debug()), {}};
    constexpr std::size_t most_attributes = 64;
    for (const pugi::xml_attribute& attribute : node.attributes()) {
      if (element.find(attribute.name()) != nullptr) {
        return error(node.offset_debug(), fmt::format("attribute of <{}> given twice", node.name()),
                     fmt::format("'{}'", attribute.name()), "each attribute once");
      }
      if (element.attributes.size() == most_attributes) {
        return error(node.offset_debug(), fmt::format("too many attributes of <{}>", node.name()),
                     {}, fmt::format("at most {}", most_attributes));
      }
      element.attributes.emplace_back(attribute.name(), attribute.value());
    }
    out_.elements.push_back(std::move(element));
    return {};
  }

  [[nodiscard]] Error too_deep(const pugi::xml_node& node) const {
    return error(node.offset_debug(), "nested too deep",
                 fmt::format("more than {} elements inside each other", max_xml_depth),
                 fmt::format("at most {}", max_xml_depth));
  }

  /// Offsets are asked for in ascending order, but for errors: so lines are counted once.
  [[nodiscard]] int line_of(std::ptrdiff_t offset) {
    const auto at = clamp(offset);
    if (at < counted_) return count_lines(at);
    line_ += static_cast<int>(std::count(text_.begin() + counted_, text_.begin() + at, '\n'));
    counted_ = at;
    return line_;
  }

  [[nodiscard]] int count_lines(std::ptrdiff_t offset) const {
    return 1 + static_cast<int>(std::count(text_.begin(), text_.begin() + clamp(offset), '\n'));
  }

  [[nodiscard]] std::ptrdiff_t clamp(std::ptrdiff_t offset) const {
    return std::clamp(offset, std::ptrdiff_t{0}, static_cast<std::ptrdiff_t>(text_.size()));
  }

  [[nodiscard]] std::ptrdiff_t after_blanks(std::ptrdiff_t offset) const {
    const std::size_t found =
        text_.find_first_not_of(" \t\r\n", static_cast<std::size_t>(clamp(offset)));
    return static_cast<std::ptrdiff_t>(std::min(found, text_.size()));
  }

  /// A few printable characters of the text.
  [[nodiscard]] std::string excerpt(std::ptrdiff_t offset) const {
    constexpr std::size_t most = 32;
    const std::string_view rest =
        std::string_view(text_).substr(static_cast<std::size_t>(clamp(offset)), most);
    if (rest.empty()) return "the end of the file";
    std::string out;
    for (const char c : rest.substr(0, rest.find('\n'))) out += c >= ' ' && c <= '~' ? c : '.';
    return "'" + out + "'";
  }

  [[nodiscard]] Error error(std::ptrdiff_t offset, const std::string& message, std::string found,
                            std::string expected) const {
    Error error = bad_input(message, std::move(found), std::move(expected));
    error.file = file_;
    error.position = fmt::format("line {}", count_lines(offset));
    return error;
  }

  const std::string& text_;
  const std::string& file_;
  XmlDocument out_;
  std::ptrdiff_t counted_ = 0;
  int line_ = 1;
};

}  // namespace

const std::string* XmlElement::find(const std::string& attribute) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&](const auto& each) { return each.first == attribute; });
  return found == attributes.end() ? nullptr : &found->second;
}

Result<XmlDocument> parse_xml(const std::string& text, const std::string& file) {
  return DocumentReader(text, file).read();
}

}  // namespace hsap::topo
