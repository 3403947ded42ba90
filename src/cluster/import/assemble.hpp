#pragma once

#include "cluster/import/import.hpp"

namespace hsap::topo {

/// Makes the cluster of a machine that has nothing left open. `lender` gives the GPU, latencies
/// and ramps. Fills spec, origins and reasons of the answer. Errors: more links than a node may
/// have.
[[nodiscard]] Result<Imported> assemble(const Machine& machine, const GpuChoice& gpu,
                                        const ClusterSpec& lender, const ImportOptions& options);

}  // namespace hsap::topo
