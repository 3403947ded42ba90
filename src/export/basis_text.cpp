#include "export/basis_text.hpp"

#include <fmt/format.h>

#include "base/units.hpp"

namespace hsap {
namespace {

std::string extent_text(double low, double high, bool in_bytes) {
  const auto text = [in_bytes](double value) {
    return in_bytes ? format_bytes(value) : fmt::format("{:.0f}", value);
  };
  return low == high ? text(low) : fmt::format("{} to {}", text(low), text(high));
}

}  // namespace

std::string_view to_string(Basis::Kind kind) {
  constexpr std::string_view names[] = {"calibrated", "extrapolated", "uncalibrated"};
  return names[static_cast<std::size_t>(kind)];
}

std::string why(const Basis& basis) {
  if (!basis.reason.empty()) return basis.reason;
  std::string text;
  for (const Basis::Outside& outside : basis.outside) {
    text += fmt::format("{}{} {}, calibrated at {}", text.empty() ? "" : "; ", outside.what,
                        extent_text(outside.low, outside.high, outside.in_bytes),
                        extent_text(outside.known_low, outside.known_high, outside.in_bytes));
  }
  return text;
}

}  // namespace hsap
