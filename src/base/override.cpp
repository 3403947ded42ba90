#include "hsap/override.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/json.hpp"
#include "base/names.hpp"
#include "base/units.hpp"

namespace hsap {

std::optional<Override> parse_override(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return {};
  return Override{text.substr(0, equals), text.substr(equals + 1)};
}

}  // namespace hsap

namespace hsap::json {
namespace {

/// Every leaf path of a value, for near misses.
void collect_paths(const Value& value, const std::string& prefix, std::vector<std::string>& out) {
  constexpr std::size_t most = 20000;
  if (out.size() > most) return;
  if (!value.is_structured()) {
    out.push_back(prefix);
    return;
  }
  const std::string start = prefix.empty() ? prefix : prefix + ".";
  for (const auto& [key, member] : value.items()) collect_paths(member, start + key, out);
}

Value* child(Value& parent, const std::string& key) {
  if (parent.is_object()) {
    const auto it = parent.find(key);
    return it == parent.end() ? nullptr : &*it;
  }
  const bool digits =
      !key.empty() && key.size() < 9 &&
      std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!parent.is_array() || !digits || std::stoul(key) >= parent.size()) return nullptr;
  return &parent[std::stoul(key)];
}

Value* find_path(Value& root, const std::string& path) {
  Value* at = &root;
  for (std::size_t begin = 0; at != nullptr && begin <= path.size();) {
    const std::size_t dot = std::min(path.find('.', begin), path.size());
    at = child(*at, path.substr(begin, dot - begin));
    begin = dot + 1;
  }
  return at;
}

/// The known paths that share everything before the last dot of `path`.
std::vector<std::string> siblings(const std::string& path, const std::vector<std::string>& known) {
  std::vector<std::string> out;
  const std::string parent = path.substr(0, path.rfind('.') + 1);
  if (parent.empty()) return out;
  std::copy_if(known.begin(), known.end(), std::back_inserter(out),
               [&](const std::string& name) { return name.starts_with(parent); });
  return out;
}

/// `start` is what the user wrote before `path`.
Status override_under(Value& root, const std::string& start, const std::string& path,
                      const std::string& text) {
  const std::string whole_path = start + path;
  Value* leaf = path.empty() ? nullptr : find_path(root, path);
  if (leaf == nullptr || leaf->is_structured()) {
    std::vector<std::string> known;
    collect_paths(root, "", known);
    for (std::string& candidate : known) candidate.insert(0, start);
    const std::vector<std::string> beside = siblings(whole_path, known);
    return bad_input("--set: no such value", "'" + whole_path + "'",
                     suggest(whole_path, beside.empty() ? known : beside));
  }
  if (leaf->is_number()) {
    HSAP_TRY(const double number, parse_number(text, "--set " + whole_path));
    const bool whole =
        leaf->is_number_integer() && number == std::nearbyint(number) && std::abs(number) < 9e15;
    *leaf = whole ? Value(static_cast<std::int64_t>(number)) : Value(number);
  } else if (leaf->is_boolean()) {
    if (text != "true" && text != "false") {
      return bad_input("--set " + whole_path, "'" + text + "'", "true or false");
    }
    *leaf = text == "true";
  } else {
    *leaf = text;
  }
  return {};
}

}  // namespace

Status override_value(Value& root, const std::string& path, const std::string& text) {
  return override_under(root, "", path, text);
}

Status apply_overrides(Value& root, std::span<const Override> overrides, const std::string& owner) {
  const std::string start = owner + ".";
  for (const Override& change : overrides) {
    if (!change.path.starts_with(start)) continue;
    HSAP_CHECK(override_under(root, start, change.path.substr(start.size()), change.value));
  }
  return {};
}

}  // namespace hsap::json
