#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hsap/status.hpp"

namespace hsap::npy {

/// What the header of a file says.
struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

/// Reads the Python dictionary of a header: exactly the keys 'descr', 'fortran_order' and 'shape',
/// each once, in any order. Sizes from 0 to 2^62, at most 8 of them.
[[nodiscard]] Result<Header> parse_header(std::string_view text);

}  // namespace hsap::npy
