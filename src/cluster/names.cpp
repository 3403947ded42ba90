#include "cluster/names.hpp"

namespace hsap {

const std::vector<std::string>& link_class_names() {
  static const std::vector<std::string> names = {"nvlink", "pcie", "socket", "nic", "fabric"};
  return names;
}

std::string_view to_string(LinkClass link_class) {
  return link_class_names()[static_cast<std::size_t>(link_class)];
}

std::string_view to_string(ClusterSpec::DeviceKind kind) {
  constexpr std::string_view names[device_kinds] = {"gpu", "nvswitch", "pcie_switch", "cpu", "nic"};
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace hsap
