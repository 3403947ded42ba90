#include "apps/topo/measure_world.hpp"
#include "cli/inputs.hpp"

namespace hsap::apps {

Result<std::optional<WorldMeasured>> measure_world(const WorldFlags&,
                                                   const std::vector<std::string>&,
                                                   const measure::Options&, const Begin&) {
  return cli::at_flag("--ranks", infeasible("this hsap was built without NCCL; needs a build where "
                                            "nvcc and NCCL are found"));
}

}  // namespace hsap::apps
