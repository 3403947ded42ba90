#include "validate/measure/machine.hpp"

#include <chrono>

namespace hsap::measure {

Clock host_clock() {
  return [] {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double>(now).count();
  };
}

}  // namespace hsap::measure
