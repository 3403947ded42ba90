#pragma once

#include "base/json.hpp"
#include "validate/measure/measure.hpp"

namespace hsap::measure {

/// Tables as `hsap-topo calibrate --kernels` and `--copies` read them, with the spread and the
/// number of calls beside.
[[nodiscard]] std::string kernels_csv(const Measured& measured);
[[nodiscard]] std::string copies_csv(const Measured& measured);

/// Where, with what and for how long it was measured ("hsap.measurement/1").
[[nodiscard]] json::Ordered machine_json(const Measured& measured);

}  // namespace hsap::measure
