#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hsap/cluster.hpp"

namespace hsap {

inline constexpr int device_kinds = 5;

/// "gpu", "nvswitch", "pcie_switch", "cpu", "nic": the stem of a device's name.
[[nodiscard]] std::string_view to_string(ClusterSpec::DeviceKind kind);

/// Names of all link classes, in order of LinkClass.
[[nodiscard]] const std::vector<std::string>& link_class_names();

}  // namespace hsap
