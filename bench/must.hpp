#pragma once

#include <cstdlib>
#include <utility>

#include "hsap/status.hpp"

namespace hsap::bench {

/// The value, or the end of the process: a benchmark has nobody to hand an error to.
template <typename T>
T must(Result<T> result) {
  if (!result) std::abort();
  return *std::move(result);
}

}  // namespace hsap::bench
