#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "hsap/override.hpp"
#include "hsap/status.hpp"

/// Reading JSON from people and strangers: every complaint says file, JSON pointer (or line and
/// column), what was found and what was expected; an unknown key is an error.
namespace hsap::json {

using Value = nlohmann::json;
/// For writing: keys keep the order in which they are set.
using Ordered = nlohmann::ordered_json;

/// Parses text, nested at most 64 deep. A key given twice in one object is an error. `file` only
/// names the source in errors.
[[nodiscard]] Result<Value> parse(const std::string& text, const std::string& file);
/// Reads and parses a file of at most `max_bytes`.
[[nodiscard]] Result<Value> read(const std::string& path, std::int64_t max_bytes = 64 << 20);

/// Numbers accepted: low <= x <= high; `above` excludes low itself.
struct Limits {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool above = false;
};
inline constexpr Limits positive{0, std::numeric_limits<double>::infinity(), true};
inline constexpr Limits not_negative{0};

/// Reads the members of one object. The first error of a document wins and is kept in the root;
/// later reads answer neutral values, so that a reader is a plain list of its members:
///
///     json::Object root(value, "model.json");
///     model.layers = root.integer("layers", 1, 10000);
///     HSAP_CHECK(root.finish());
///
/// Nested objects must be gone (or finished) before the root finishes.
class Object {
 public:
  Object(const Value& value, std::string file, std::string pointer = "");

  /// Whether a member that may be left out is there. The caller reads it if it is.
  [[nodiscard]] bool has(const std::string& key);
  /// Checks that the member "schema" is `name`, such as "hsap.cluster/1".
  void schema(const std::string& name);
  double number(const std::string& key, Limits limits = {});
  double number_or(const std::string& key, double fallback, Limits limits = {});
  std::int64_t integer(const std::string& key, std::int64_t low, std::int64_t high);
  std::int64_t integer_or(const std::string& key, std::int64_t fallback, std::int64_t low,
                          std::int64_t high);
  bool boolean_or(const std::string& key, bool fallback);
  std::string text(const std::string& key);
  std::string text_or(const std::string& key, const std::string& fallback);
  /// A text read by `parse`, whose error gets the position of the member.
  template <typename T>
  T parsed(const std::string& key, Result<T> (*parse)(const std::string&), T fallback = {}) {
    if (!member(key, true)) return fallback;
    Result<T> result = parse(text(key));
    if (result) return *result;
    fail(key, result.error().message, result.error().found, result.error().expected);
    return fallback;
  }
  /// The same for a member that may be left out.
  template <typename T>
  T parsed_or(const std::string& key, Result<T> (*parse)(const std::string&), T fallback) {
    return member(key, false) == nullptr ? fallback : parsed(key, parse, fallback);
  }
  /// A member object; an empty one after an error.
  Object object(const std::string& key);
  /// The elements of a member array of at most `most` items, each with its own pointer.
  std::vector<Object> objects(const std::string& key, std::size_t most);
  std::vector<std::int64_t> integers(const std::string& key, std::size_t most, std::int64_t low,
                                     std::int64_t high);
  std::vector<std::string> texts(const std::string& key, std::size_t most);
  /// Any member as it stands, for readers of their own.
  const Value* raw(const std::string& key);

  /// Records an error at a member ("" for the object itself), unless there is one already.
  void fail(const std::string& key, const std::string& message, std::string found = {},
            std::string expected = {});
  [[nodiscard]] bool failed() const { return state_->error.has_value(); }
  [[nodiscard]] std::string pointer(const std::string& key = "") const;

  /// Complains about members that nobody read.
  void done();
  /// done(), then the first error of the whole document.
  [[nodiscard]] Status finish();

 private:
  struct State {
    std::string file;
    std::optional<Error> error;
  };
  Object(const Value& value, std::shared_ptr<State> state, std::string pointer);
  const Value* member(const std::string& key, bool required);
  const Value* array(const std::string& key, std::size_t most);
  std::int64_t checked_integer(const Value& value, const std::string& key, std::int64_t low,
                               std::int64_t high);
  double checked_number(const Value& value, const std::string& key, Limits limits);

  const Value* value_;
  std::shared_ptr<State> state_;
  std::string pointer_;
  std::set<std::string> seen_;
};

/// A key as it stands in a JSON pointer.
[[nodiscard]] std::string escaped(const std::string& key);

/// A value in a few characters, for "found".
[[nodiscard]] std::string brief(const Value& value);

/// Replaces one leaf by "key.key.0.key=value": the path must exist, and the new value must be of
/// the old one's type. Errors list near misses.
[[nodiscard]] Status override_value(Value& root, const std::string& path, const std::string& text);

/// Applies, in order, the overrides whose path starts with "`owner`." ("model", "runtime"), less
/// that start. Errors name the whole path.
[[nodiscard]] Status apply_overrides(Value& root, std::span<const Override> overrides,
                                     const std::string& owner);

}  // namespace hsap::json
