#include "validate/npy/header.hpp"

#include <cctype>
#include <set>

namespace hsap::npy {
namespace {

constexpr std::size_t most_dimensions = 8;
constexpr std::int64_t most_size = std::int64_t{1} << 62;

/// Walks over the text; every step says whether what it wanted was there.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool take(std::string_view word) {
    skip_blanks();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  bool take_text(std::string& out) {
    skip_blanks();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return false;
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) return false;
    out = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return true;
  }

  bool take_size(std::int64_t& out) {
    skip_blanks();
    const std::size_t begin = at_;
    out = 0;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0) {
      if (out > (most_size - 9) / 10) return false;
      out = out * 10 + (text_[at_++] - '0');
    }
    return at_ > begin;
  }

  [[nodiscard]] bool at_end() {
    skip_blanks();
    return at_ == text_.size();
  }
  [[nodiscard]] std::string rest() const { return std::string(text_.substr(at_, 40)); }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool take_shape(Cursor& cursor, std::vector<std::int64_t>& shape) {
  if (!cursor.take("(")) return false;
  while (!cursor.take(")")) {
    std::int64_t size = 0;
    if (shape.size() == most_dimensions || !cursor.take_size(size)) return false;
    shape.push_back(size);
    if (!cursor.take(",")) return cursor.take(")");
  }
  return true;
}

bool take_member(Cursor& cursor, const std::string& key, Header& header) {
  if (key == "descr") return cursor.take_text(header.descr);
  if (key == "shape") return take_shape(cursor, header.shape);
  header.fortran_order = cursor.take("True");
  return key == "fortran_order" && (header.fortran_order || cursor.take("False"));
}

bool take_members(Cursor& cursor, Header& header) {
  std::set<std::string> seen;
  if (!cursor.take("{")) return false;
  while (!cursor.take("}")) {
    std::string key;
    if (!cursor.take_text(key) || !seen.insert(key).second || !cursor.take(":")) return false;
    if (!take_member(cursor, key, header)) return false;
    if (cursor.take(",")) continue;
    if (!cursor.take("}")) return false;
    break;
  }
  return seen.size() == 3 && cursor.at_end();
}

}  // namespace

Result<Header> parse_header(std::string_view text) {
  Cursor cursor(text);
  Header header;
  if (take_members(cursor, header)) return header;
  return bad_input("not the header of an array", "'" + cursor.rest() + "'",
                   "{'descr': '<f4', 'fortran_order': False, 'shape': (tokens, heads, dim), }");
}

}  // namespace hsap::npy
