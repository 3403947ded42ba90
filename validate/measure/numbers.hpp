#pragma once

#include <vector>

#include "validate/world/world.hpp"

namespace hsap::measure {

/// The numbers of all, by rank, at rank 0; nothing at the others. Errors: those of World::gather.
[[nodiscard]] Result<std::vector<std::vector<double>>> gather_numbers(
    world::World& world, const std::vector<double>& own);

/// Of at least one value.
[[nodiscard]] double median(std::vector<double> values);

}  // namespace hsap::measure
