#pragma once

#include <span>
#include <string>

#include "base/json.hpp"
#include "hsap/cluster.hpp"
#include "hsap/runtime.hpp"

/// Readers for files that hold a cluster or a runtime inside (measured cases).
namespace hsap {

namespace limits {
/// Nothing in a machine takes longer than this; a larger number is a slip of units.
inline constexpr json::Limits seconds{0, 1};
inline constexpr json::Limits share{0, 1};
}  // namespace limits

/// Reads a cluster from JSON (docs/cluster-format.md) after applying the overrides that are not
/// meant for the model or the runtime. `file` only names the source in errors.
[[nodiscard]] Result<ClusterSpec> read_cluster(json::Value root, const std::string& file,
                                               std::span<const Override> overrides = {});

/// The same for a runtime (docs/runtime-format.md) and overrides that start with "runtime.".
[[nodiscard]] Result<Runtime> read_runtime(json::Value root, const std::string& file,
                                           std::span<const Override> overrides = {});

}  // namespace hsap
