#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "cluster/import/import.hpp"

namespace hsap::test {

/// One of the machines of tests/unit/cluster/machines.
inline topo::Imported imported(const std::string& file, const topo::ImportOptions& options = {}) {
  const auto result = topo::import_topology(std::string(HSAP_MACHINES) + "/" + file, options);
  INFO(file << (result ? "" : ": " + result.error().text()));
  REQUIRE(result);
  return *result;
}

/// The error of importing a text.
inline std::string error_of(const std::string& text, const topo::ImportOptions& options = {}) {
  const auto result = topo::import_text(text, "m", options);
  if (result) return "no error";
  CHECK(result.error().kind == ErrorKind::bad_input);
  return result.error().text();
}

/// Names of the warnings, sorted.
inline std::vector<std::string> warnings_of(const topo::Imported& imported) {
  std::vector<std::string> names;
  for (const topo::Warning& warning : imported.warnings) names.push_back(warning.name);
  std::sort(names.begin(), names.end());
  return names;
}

/// The devices that a warning names.
inline std::vector<std::string> named_by(const topo::Imported& imported, const std::string& name) {
  for (const topo::Warning& warning : imported.warnings) {
    if (warning.name == name) return warning.parts;
  }
  return {"no such warning"};
}

/// "gpu0 pcie_switch0 pcie 48" for every link, bandwidth in GB/s with its lanes.
inline std::vector<std::string> links_of(const ClusterSpec& spec) {
  std::vector<std::string> out;
  for (const ClusterSpec::NodeLink& link : spec.links) {
    const double rate =
        spec.curves[static_cast<int>(link.link_class)].bandwidth_bytes_per_s * link.count / 1e9;
    std::string number = std::to_string(rate);
    number.erase(number.find_last_not_of('0') + 1);
    if (number.back() == '.') number.pop_back();
    out.push_back(spec.devices[static_cast<std::size_t>(link.from)].name + " " +
                  spec.devices[static_cast<std::size_t>(link.to)].name + " " +
                  std::string(to_string(link.link_class)) + " " + number);
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// The row of a GPU: "X NVL PIX SYS".
inline std::string paths_of(const topo::Imported& imported, std::size_t gpu) {
  std::string out;
  for (const topo::PathClass path : imported.paths.at(gpu)) {
    out += (out.empty() ? "" : " ") + std::string(to_string(path));
  }
  return out;
}

using Names = std::vector<std::string>;

}  // namespace hsap::test
