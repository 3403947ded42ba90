#pragma once

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "hsap/status.hpp"

namespace hsap::bench {

/// The value, or the end of the process, with the error on stderr: a benchmark has nobody to hand
/// it to.
template <typename T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().text().c_str());
    std::abort();
  }
  return *std::move(result);
}

}  // namespace hsap::bench
