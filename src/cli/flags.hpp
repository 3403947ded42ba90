#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/units.hpp"
#include "cli/command.hpp"
#include "hsap/status.hpp"

/// Registering one flag so that a bad value is told as every other error: what was found and
/// what was expected.
namespace hsap::cli {

/// A flag whose text is read by `read`, a callable from text to Result<U> with U assignable to T.
template <typename T, typename Read>
Flag add_parsed(Command& command, const std::string& flag, T& target, Read read,
                const std::string& type, const std::string& help) {
  const auto keep = [&target, read](const std::string& text) -> std::string {
    auto value = read(text);
    if (!value) return value.error().text();
    target = *std::move(value);
    return {};
  };
  return command.add_read(flag, keep, help).type_name(type);
}

/// What reads an integer in [low, high] as a T; K, M and G allowed.
template <typename T>
auto integer_reader(std::int64_t low, std::int64_t high) {
  return [low, high](const std::string& text) -> Result<T> {
    HSAP_TRY(const std::int64_t value, parse_size(text, "value", low, high));
    return static_cast<T>(value);
  };
}

template <typename T>
Flag add_integer(Command& command, const std::string& flag, T& target, std::int64_t low,
                 std::int64_t high, const std::string& type, const std::string& help) {
  return add_parsed(command, flag, target, integer_reader<T>(low, high), type, help);
}

/// The same for a value that may be left out.
template <typename T>
Flag add_integer(Command& command, const std::string& flag, std::optional<T>& target,
                 std::int64_t low, std::int64_t high, const std::string& type,
                 const std::string& help) {
  return add_parsed(command, flag, target, integer_reader<T>(low, high), type, help);
}

}  // namespace hsap::cli
