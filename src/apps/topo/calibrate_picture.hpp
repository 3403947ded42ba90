#pragma once

#include <string>

#include "cost/calibrate/calibrate.hpp"

namespace hsap::apps {

/// Measured against fitted seconds of every row as SVG: a panel for each kind of row, a colour for
/// each group, with the diagonal and a band of 10 %.
[[nodiscard]] std::string calibration_picture(const fit::Calibration& found);

}  // namespace hsap::apps
