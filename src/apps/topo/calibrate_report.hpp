#pragma once

#include <string>

#include "base/json.hpp"
#include "cost/calibrate/calibrate.hpp"

namespace hsap::apps {

/// For people: the numbers before and after, the errors of every group of rows, and what the
/// tables do not tell.
[[nodiscard]] std::string calibration_report(const fit::Calibration& found, bool color);

/// The same for programs with every row, "hsap.calibration/1".
[[nodiscard]] json::Ordered calibration_json(const ClusterSpec& base,
                                             const fit::Calibration& found);

}  // namespace hsap::apps
