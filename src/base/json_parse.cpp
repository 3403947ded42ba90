#include <fmt/format.h>

#include <algorithm>

#include "base/files.hpp"
#include "base/json.hpp"

namespace hsap::json {
namespace {

/// "line 3, column 14" of a byte offset.
std::string place_of(const std::string& text, std::size_t byte) {
  const std::size_t end = std::min(byte, text.size());
  const auto begin = text.begin();
  const auto line = 1 + std::count(begin, begin + static_cast<std::ptrdiff_t>(end), '\n');
  const std::size_t newline = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
  const std::size_t column = newline == std::string::npos ? end : end - newline - 1;
  return fmt::format("line {}, column {}", line, std::max<std::size_t>(column, 1));
}

bool in_word(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

/// Builds a value from the parser's events. The library's own builder keeps the last of two equal
/// keys in silence and gives no position for a number that overflows.
class Builder {
 public:
  Builder(const std::string& text, const std::string& file) : text_(text), file_(file) {}

  // The events, as nlohmann::json_sax names them. False stops the parser.
  bool null() { return add(nullptr) != nullptr; }
  bool boolean(bool value) { return add(value) != nullptr; }
  bool number_integer(std::int64_t value) { return add(value) != nullptr; }
  bool number_unsigned(std::uint64_t value) { return add(value) != nullptr; }
  bool number_float(double value, const std::string&) { return add(value) != nullptr; }
  bool string(std::string& value) { return add(std::move(value)) != nullptr; }
  bool binary(Value::binary_t&) { return false; }  // never in text
  bool start_object(std::size_t) { return open(Value::object()); }
  bool start_array(std::size_t) { return open(Value::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    levels_.back().key = name;
    if (!levels_.back().container->contains(name)) return true;
    return fail("key given twice", pointer(), fmt::format("'{}'", name), "each key once");
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    if (position == 0 || position > text_.size()) {
      return fail("not valid JSON", place_of(text_, position), "end of file", "a JSON document");
    }
    std::size_t begin = position - 1;  // where the parser gave up; show the whole word
    while (begin > 0 && in_word(text_[begin]) && in_word(text_[begin - 1])) --begin;
    const std::size_t end = std::min(text_.find('\n', begin), begin + 12);
    const std::string found = fmt::format("'{}'", text_.substr(begin, end - begin));
    return fail("not valid JSON", place_of(text_, begin + 1), found, "a JSON document");
  }

  Result<Value> finish() {
    if (error_) return *std::move(error_);
    return std::move(root_);
  }

 private:
  struct Level {
    Value* container;
    std::string key;
  };

  bool fail(const std::string& message, std::string position, std::string found,
            std::string expected) {
    error_ = bad_input(message, std::move(found), std::move(expected));
    error_->file = file_;
    error_->position = std::move(position);
    return false;
  }

  /// Pointers stay good: only the innermost open container grows.
  Value* add(Value value) {
    if (levels_.empty()) return &(root_ = std::move(value));
    const Level& inner = levels_.back();
    if (inner.container->is_object()) return &((*inner.container)[inner.key] = std::move(value));
    inner.container->push_back(std::move(value));
    return &inner.container->back();
  }

  bool open(Value container) {
    constexpr std::size_t deepest = 64;
    if (levels_.size() == deepest) {
      return fail("nested too deep", pointer().substr(0, 60), {},
                  fmt::format("at most {} levels", deepest));
    }
    levels_.push_back({add(std::move(container)), {}});
    return true;
  }

  bool close() {
    levels_.pop_back();
    return true;
  }

  [[nodiscard]] std::string pointer() const {
    std::string text;
    for (const Level& level : levels_) {
      const bool object = level.container->is_object();
      text += "/" + (object ? escaped(level.key) : std::to_string(level.container->size() - 1));
    }
    return text;
  }

  const std::string& text_;
  const std::string& file_;
  Value root_;
  std::vector<Level> levels_;
  std::optional<Error> error_;
};

}  // namespace

Result<Value> parse(const std::string& text, const std::string& file) {
  Builder builder(text, file);
  static_cast<void>(Value::sax_parse(text, &builder));  // finish() knows how it went
  return builder.finish();
}

Result<Value> read(const std::string& path, std::int64_t max_bytes) {
  HSAP_TRY(const std::string text, read_file(path, max_bytes));
  return parse(text, path);
}

std::string escaped(const std::string& key) {
  std::string text;
  for (const char c : key) {
    if (c == '~') {
      text += "~0";
    } else if (c == '/') {
      text += "~1";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace hsap::json
