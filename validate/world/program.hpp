#pragma once

#include <string>
#include <vector>

#include "validate/world/place.hpp"

/// What programs make of the flags --ranks and --rendezvous.
namespace hsap::world {

/// Starts the command once for each rank on this machine, passes their lines on and waits for all.
/// Errors: those of spawn_local(); ranks that did not end well, with who and how, of the kind that
/// the likely cause had.
[[nodiscard]] Status run_ranks(int ranks, const std::vector<std::string>& command);

/// find_place() with a rendezvous as the flag has it; empty: the launcher's.
[[nodiscard]] Result<Place> find_own_place(const Environment& environment,
                                           const std::string& rendezvous);

}  // namespace hsap::world
