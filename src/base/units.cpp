#include "base/units.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace hsap {
namespace {

int suffix_shift(char suffix) {
  switch (suffix) {
    case 'K':
    case 'k':
      return 10;
    case 'M':
    case 'm':
      return 20;
    case 'G':
    case 'g':
      return 30;
    default:
      return -1;
  }
}

}  // namespace

Result<std::int64_t> parse_size(const std::string& text, const std::string& what, std::int64_t low,
                                std::int64_t high) {
  const std::string expected =
      fmt::format("an integer from {} to {}, with K, M or G allowed", low, high);
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  const int shift = stop + 1 == end ? suffix_shift(*stop) : 0;
  const bool parsed = code == std::errc{} && (stop == end || shift > 0);
  if (!parsed) return bad_input("bad " + what, "'" + text + "'", expected);
  const std::int64_t most = INT64_MAX >> shift;
  const bool fits = value >= -most && value <= most;
  if (!fits || (value << shift) < low || (value << shift) > high) {
    return bad_input(what + " out of range", "'" + text + "'", expected);
  }
  return value << shift;
}

Result<double> parse_number(const std::string& text, const std::string& what) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc{} || stop != end || !std::isfinite(value)) {
    return bad_input("bad " + what, "'" + text + "'", "a finite number");
  }
  return value;
}

std::string format_size(std::int64_t value) {
  const struct {
    std::int64_t unit;
    char suffix;
  } steps[] = {{1 << 30, 'G'}, {1 << 20, 'M'}, {1 << 10, 'K'}};
  for (const auto& step : steps) {
    if (value >= step.unit && value % (step.unit / 2) == 0) {
      const char* half = value % step.unit == 0 ? "" : ".5";
      return fmt::format("{}{}{}", value / step.unit, half, step.suffix);
    }
  }
  return std::to_string(value);
}

std::string format_bytes(double bytes) {
  if (bytes >= 1e12) return fmt::format("{:.2f} TB", bytes / 1e12);
  if (bytes >= 1e9) return fmt::format("{:.2f} GB", bytes / 1e9);
  if (bytes >= 1e6) return fmt::format("{:.1f} MB", bytes / 1e6);
  if (bytes >= 1e3) return fmt::format("{:.1f} KB", bytes / 1e3);
  return fmt::format("{:.0f} B", bytes);
}

std::string format_seconds(double seconds) {
  if (seconds >= 1) return fmt::format("{:.3f} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.3f} ms", seconds * 1e3);
  if (seconds == 0) return "0";
  return fmt::format("{:.2f} us", seconds * 1e6);
}

std::string format_rate(double bytes_per_s) {
  return fmt::format("{:g} GB/s", std::round(bytes_per_s / 1e7) / 100);
}

}  // namespace hsap
