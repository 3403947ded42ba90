#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/names.hpp"
#include "hsap/schedule.hpp"

namespace hsap {

/// The cells of one row of a schedule's array, read from left to right. The first complaint goes
/// to the object and names row and cell; after it all reads answer neutral values.
class Row {
 public:
  Row(json::Object& object, std::string key, const json::Value& value, std::size_t cells)
      : object_(object), key_(std::move(key)), value_(value) {
    if (value.is_array() && value.size() == cells) return;
    object_.fail(key_, "wrong type", json::brief(value), fmt::format("an array of {}", cells));
  }

  std::int64_t integer(std::int64_t low, std::int64_t high) {
    const json::Value* cell = next();
    if (cell == nullptr) return low;
    const bool fits = cell->is_number_integer() && *cell >= low && *cell <= high;
    if (!fits) complain(*cell, fmt::format("an integer from {} to {}", low, high));
    return fits ? cell->get<std::int64_t>() : low;
  }

  double number() {
    const json::Value* cell = next();
    if (cell == nullptr) return 0;
    const bool fits = cell->is_number() && cell->get<double>() >= 0;
    if (!fits) complain(*cell, "a number of at least 0");
    return fits ? cell->get<double>() : 0;
  }

  bool boolean() {
    const json::Value* cell = next();
    if (cell != nullptr && !cell->is_boolean()) complain(*cell, "true or false");
    return cell != nullptr && cell->is_boolean() && cell->get<bool>();
  }

  /// One of the values 0 .. count - 1 of an enumeration, by name.
  template <typename Enum>
  Enum name(int count) {
    const json::Value* cell = next();
    if (cell == nullptr) return Enum{};
    std::vector<std::string> known;
    for (int i = 0; i < count; ++i) {
      known.emplace_back(to_string(static_cast<Enum>(i)));
      if (cell->is_string() && *cell == known.back()) return static_cast<Enum>(i);
    }
    complain(*cell, one_of(known));
    return Enum{};
  }

  /// True for `yes`, false for `no`.
  bool either(const std::string& yes, const std::string& no) {
    const json::Value* cell = next();
    if (cell == nullptr) return false;
    if (*cell != yes && *cell != no) complain(*cell, "'" + yes + "' or '" + no + "'");
    return *cell == yes;
  }

  /// Items of an array of `size`.
  Range range(std::size_t size) {
    const auto first = integer(0, static_cast<std::int64_t>(size));
    const auto count = integer(0, static_cast<std::int64_t>(size) - first);
    return {static_cast<Index>(first), static_cast<Index>(count)};
  }

  HeadRange heads(int most) {
    const auto begin = integer(0, most);
    const auto end = integer(begin, most);
    return {static_cast<std::uint16_t>(begin), static_cast<std::uint16_t>(end)};
  }

  /// In the form that make_interval() gives: the last token held is end - 1.
  Interval interval(Token tokens) {
    Interval out;
    out.begin = static_cast<Token>(integer(0, tokens));
    out.end = static_cast<Token>(integer(out.begin, tokens));
    out.stride = static_cast<Token>(integer(1, std::max<Token>(1, tokens)));
    if (make_interval(out.begin, out.end, out.stride) != out) {
      object_.fail(key_, "interval not in canonical form", json::brief(value_),
                   "an end one past the last token held");
    }
    return out;
  }

 private:
  const json::Value* next() {
    const std::size_t at = at_++;
    return object_.failed() || at >= value_.size() ? nullptr : &value_[at];
  }
  void complain(const json::Value& cell, const std::string& expected) {
    object_.fail(key_ + "/" + std::to_string(at_ - 1), "bad cell", json::brief(cell), expected);
  }

  json::Object& object_;
  std::string key_;
  const json::Value& value_;
  std::size_t at_ = 0;
};

}  // namespace hsap
