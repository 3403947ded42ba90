#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/units.hpp"
#include "hsap/status.hpp"

/// Registering one flag so that a bad value is told as every other error: what was found and
/// what was expected.
namespace hsap::cli {

/// A flag whose text is read by `read`, a callable from text to Result<U> with U assignable to T.
/// CLI11 turns the text that a check returns into its error, so nothing here throws.
template <typename T, typename Read>
CLI::Option* add_parsed(CLI::App& app, const std::string& flag, T& target, Read read,
                        const std::string& type, const std::string& help) {
  const auto check = [&target, read](const std::string& text) -> std::string {
    auto value = read(text);
    if (!value) return value.error().text();
    target = *std::move(value);
    return {};
  };
  return app.add_option(flag, help)->type_name(type)->check(check);
}

/// An integer in [low, high]; K, M and G allowed.
template <typename T>
CLI::Option* add_integer(CLI::App& app, const std::string& flag, T& target, std::int64_t low,
                         std::int64_t high, const std::string& type, const std::string& help) {
  const auto read = [low, high](const std::string& text) -> Result<T> {
    HSAP_TRY(const std::int64_t value, parse_size(text, "value", low, high));
    return static_cast<T>(value);
  };
  return add_parsed(app, flag, target, read, type, help);
}

/// The same for a value that may be left out.
template <typename T>
CLI::Option* add_integer(CLI::App& app, const std::string& flag, std::optional<T>& target,
                         std::int64_t low, std::int64_t high, const std::string& type,
                         const std::string& help) {
  const auto read = [low, high](const std::string& text) -> Result<T> {
    HSAP_TRY(const std::int64_t value, parse_size(text, "value", low, high));
    return static_cast<T>(value);
  };
  return add_parsed(app, flag, target, read, type, help);
}

}  // namespace hsap::cli
