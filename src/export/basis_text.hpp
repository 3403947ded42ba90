#pragma once

#include <string>
#include <string_view>

#include "hsap/predict.hpp"

namespace hsap {

/// "calibrated", "extrapolated" or "uncalibrated".
[[nodiscard]] std::string_view to_string(Basis::Kind kind);

/// Why a number is no better than that, in words; empty when calibrated.
[[nodiscard]] std::string why(const Basis& basis);

}  // namespace hsap
