#include "base/json.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/names.hpp"
#include "base/units.hpp"

namespace hsap::json {
namespace {

const Value& empty_object() {
  static const Value empty = Value::object();
  return empty;
}

/// The integer that a value is, if any. 8e10 is a natural way to write one, so floating-point
/// values without a fraction count.
std::optional<std::int64_t> whole_number(const Value& value) {
  if (value.is_number_unsigned()) {
    const auto n = value.get<std::uint64_t>();
    if (n > static_cast<std::uint64_t>(INT64_MAX)) return {};
    return static_cast<std::int64_t>(n);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return {};
  const double x = value.get<double>();
  if (std::abs(x) >= 0x1p63 || x != std::nearbyint(x)) return {};
  return static_cast<std::int64_t>(x);
}

std::string range_text(Limits limits) {
  if (limits.above && limits.low == 0) return "a finite number above 0";
  if (std::isinf(limits.high)) {
    return std::isinf(limits.low) ? "a finite number"
                                  : fmt::format("a finite number of at least {:g}", limits.low);
  }
  return fmt::format("a number from {:g} to {:g}", limits.low, limits.high);
}

}  // namespace

std::string brief(const Value& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return fmt::format("an array of {}", value.size());
  constexpr std::size_t longest = 60;
  std::string text = value.dump(-1, ' ', false, Value::error_handler_t::replace);
  if (text.size() > longest) text = text.substr(0, longest) + "...";
  return text;
}

Object::Object(const Value& value, std::string file, std::string pointer)
    : Object(value, std::make_shared<State>(), std::move(pointer)) {
  state_->file = std::move(file);
  if (!value.is_object()) fail("", "wrong type", brief(value), "an object");
}

Object::Object(const Value& value, std::shared_ptr<State> state, std::string pointer)
    : value_(value.is_object() ? &value : &empty_object()),
      state_(std::move(state)),
      pointer_(std::move(pointer)) {}

std::string Object::pointer(const std::string& key) const {
  std::string text = key.empty() ? pointer_ : pointer_ + "/" + key;
  return text.empty() ? "/" : text;
}

void Object::fail(const std::string& key, const std::string& message, std::string found,
                  std::string expected) {
  if (failed()) return;
  Error error = bad_input(message, std::move(found), std::move(expected));
  error.file = state_->file;
  error.position = pointer(key);
  state_->error = std::move(error);
}

bool Object::has(const std::string& key) { return member(key, false) != nullptr; }

void Object::schema(const std::string& name) {
  const std::string found = text("schema");
  if (found != name) fail("schema", "wrong schema", "'" + found + "'", "'" + name + "'");
}

const Value* Object::member(const std::string& key, bool required) {
  seen_.insert(key);
  const auto it = value_->find(key);
  if (it != value_->end()) return &*it;
  if (required) fail(key, "missing key", "nothing", "'" + key + "'");
  return nullptr;
}

const Value* Object::raw(const std::string& key) { return member(key, true); }

double Object::checked_number(const Value& value, const std::string& key, Limits limits) {
  if (!value.is_number()) {
    fail(key, "wrong type", brief(value), range_text(limits));
    return 0;
  }
  const double x = value.get<double>();
  const bool inside = (limits.above ? x > limits.low : x >= limits.low) && x <= limits.high;
  if (!std::isfinite(x) || !inside) fail(key, "out of range", brief(value), range_text(limits));
  return x;
}

double Object::number(const std::string& key, Limits limits) {
  const Value* value = member(key, true);
  return value == nullptr ? 0 : checked_number(*value, key, limits);
}

double Object::number_or(const std::string& key, double fallback, Limits limits) {
  const Value* value = member(key, false);
  return value == nullptr ? fallback : checked_number(*value, key, limits);
}

std::int64_t Object::checked_integer(const Value& value, const std::string& key, std::int64_t low,
                                     std::int64_t high) {
  const std::optional<std::int64_t> n = whole_number(value);
  if (n && *n >= low && *n <= high) return *n;
  fail(key, n || value.is_number_integer() ? "out of range" : "wrong type", brief(value),
       fmt::format("an integer from {} to {}", low, high));
  return low;
}

std::int64_t Object::integer(const std::string& key, std::int64_t low, std::int64_t high) {
  const Value* value = member(key, true);
  return value == nullptr ? low : checked_integer(*value, key, low, high);
}

std::int64_t Object::integer_or(const std::string& key, std::int64_t fallback, std::int64_t low,
                                std::int64_t high) {
  const Value* value = member(key, false);
  return value == nullptr ? fallback : checked_integer(*value, key, low, high);
}

bool Object::boolean_or(const std::string& key, bool fallback) {
  const Value* value = member(key, false);
  if (value == nullptr) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  fail(key, "wrong type", brief(*value), "true or false");
  return fallback;
}

std::string Object::text(const std::string& key) {
  const Value* value = member(key, true);
  if (value == nullptr) return {};
  if (value->is_string()) return value->get<std::string>();
  fail(key, "wrong type", brief(*value), "a text");
  return {};
}

std::string Object::text_or(const std::string& key, const std::string& fallback) {
  return member(key, false) == nullptr ? fallback : text(key);
}

Object Object::object(const std::string& key) {
  const Value* value = member(key, true);
  if (value != nullptr && !value->is_object()) fail(key, "wrong type", brief(*value), "an object");
  return {value == nullptr ? empty_object() : *value, state_, pointer(key)};
}

const Value* Object::array(const std::string& key, std::size_t most) {
  const Value* value = member(key, true);
  if (value == nullptr) return nullptr;
  const std::string expected = fmt::format("an array of at most {}", most);
  if (!value->is_array()) {
    fail(key, "wrong type", brief(*value), expected);
    return nullptr;
  }
  if (value->size() > most) {
    fail(key, "too long", brief(*value), expected);
    return nullptr;
  }
  return value;
}

std::vector<Object> Object::objects(const std::string& key, std::size_t most) {
  std::vector<Object> out;
  const Value* list = array(key, most);
  if (list == nullptr) return out;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string place = pointer(key) + "/" + std::to_string(i);
    const Value& item = (*list)[i];
    if (!item.is_object()) {
      fail(key + "/" + std::to_string(i), "wrong type", brief(item), "an object");
    }
    out.push_back(Object(item, state_, place));
  }
  return out;
}

std::vector<std::int64_t> Object::integers(const std::string& key, std::size_t most,
                                           std::int64_t low, std::int64_t high) {
  std::vector<std::int64_t> out;
  const Value* list = array(key, most);
  if (list == nullptr) return out;
  out.reserve(list->size());
  for (std::size_t i = 0; i < list->size() && !failed(); ++i) {
    out.push_back(checked_integer((*list)[i], key + "/" + std::to_string(i), low, high));
  }
  return out;
}

std::vector<std::string> Object::texts(const std::string& key, std::size_t most) {
  std::vector<std::string> out;
  const Value* list = array(key, most);
  if (list == nullptr) return out;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const Value& item = (*list)[i];
    if (!item.is_string()) {
      fail(key + "/" + std::to_string(i), "wrong type", brief(item), "a text");
      return out;
    }
    out.push_back(item.get<std::string>());
  }
  return out;
}

void Object::done() {
  if (failed()) return;
  for (const auto& [key, unused] : value_->items()) {
    if (seen_.count(key) > 0) continue;
    const std::vector<std::string> known(seen_.begin(), seen_.end());
    fail(escaped(key), "unknown key", "'" + key + "'", suggest(key, known));
    return;
  }
}

Status Object::finish() {
  done();
  if (failed()) return *state_->error;
  return {};
}

}  // namespace hsap::json
