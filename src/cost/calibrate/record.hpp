#pragma once

#include <optional>
#include <set>
#include <string>

#include "cost/calibrate/calibrate.hpp"

/// Writing down what was found, for all fits alike.
namespace hsap::fit {

/// Sets a number of `out.spec`, to four digits, and writes down the change.
void set(Calibration& out, const std::string& path, double& number, double value);

/// Writes down that `what` stays as it is, and why.
void keep(Calibration& out, const std::string& what, const std::string& why);

/// Makes the range, or the lack of one, hold the value.
void widen(std::optional<ClusterSpec::Calibrated::Range>& range, double value);

/// Replaces the line of ClusterSpec::sources that begins with "`what`:", or adds one.
void set_source(ClusterSpec& spec, const std::string& what, const std::string& text);

/// "a.csv, b.csv": names of these files without their folders.
[[nodiscard]] std::string file_names(const Data& data, const std::set<std::size_t>& files);

}  // namespace hsap::fit
