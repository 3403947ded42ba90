#include "apps/topo/measure_gpu.hpp"
#include "cli/inputs.hpp"

namespace hsap::apps {

Result<measure::Measured> measure_gpu(int, const measure::Options&, const Begin&) {
  return cli::at_flag(
      "--gpu", infeasible("this hsap was built without CUDA; needs a build where nvcc is found"));
}

}  // namespace hsap::apps
