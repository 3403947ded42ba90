#include "apps/topo/measure_world.hpp"

#include "validate/world/program.hpp"

namespace hsap::apps {

bool is_one_of_several(const WorldFlags& flags) {
  return flags.ranks > 1 || world::has_place(world::process_environment());
}

}  // namespace hsap::apps
