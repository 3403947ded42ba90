#pragma once

#include <span>
#include <string>
#include <string_view>

#include "hsap/batch.hpp"
#include "hsap/plan.hpp"
#include "hsap/status.hpp"

namespace hsap {

/// FNV-1a, 64 bits, as 16 hexadecimal digits: finds changes, does not withstand forgery.
[[nodiscard]] std::string fnv1a64(std::string_view text);

/// Batches as text: lengths in decimal, a comma after each, a newline after each batch.
[[nodiscard]] std::string batches_text(std::span<const Batch> batches);

/// The hash of a file as it stands, found as every input is: `folder` is "topologies", "models",
/// "traces" or "runtimes".
[[nodiscard]] Result<InputHash> hash_input(const std::string& what, const std::string& folder,
                                           const std::string& name_or_path);

}  // namespace hsap
