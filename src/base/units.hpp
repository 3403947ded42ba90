#pragma once

#include <cstdint>
#include <string>

#include "hsap/status.hpp"

namespace hsap {

/// "256K" -> 262144. K, M and G are binary; digits and one optional suffix only.
/// `what` names the value in the error ("context").
[[nodiscard]] Result<std::int64_t> parse_size(const std::string& text, const std::string& what,
                                              std::int64_t low, std::int64_t high);

/// A finite decimal number that fills the whole text.
[[nodiscard]] Result<double> parse_number(const std::string& text, const std::string& what);

/// "256K", "1.5M", "4097": exact sizes and lengths for people.
[[nodiscard]] std::string format_size(std::int64_t value);
/// "1.50 GB", decimal.
[[nodiscard]] std::string format_bytes(double bytes);
/// "12.30 us", "1.234 ms", "5.600 s".
[[nodiscard]] std::string format_seconds(double seconds);
/// "370 GB/s".
[[nodiscard]] std::string format_rate(double bytes_per_s);

}  // namespace hsap
