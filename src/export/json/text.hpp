#pragma once

#include <string>

#include "base/json.hpp"

namespace hsap {

/// All JSON that hsap writes: keys in the order in which they were set, indented, but an array
/// without objects or arrays in it stays on one line. Ends with a newline.
[[nodiscard]] std::string json_text(const json::Ordered& value);

}  // namespace hsap
