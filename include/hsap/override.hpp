#pragma once

#include <optional>
#include <string>

namespace hsap {

/// One "key=value" of --set. Paths start in the cluster file ("nic.bandwidth_bytes_per_s"),
/// or in the model or runtime with "model." or "runtime." in front. Each loader applies its own
/// and leaves the others alone.
struct Override {
  std::string path;
  std::string value;
};

/// Of "key=value"; nothing where there is no key or no "=".
[[nodiscard]] std::optional<Override> parse_override(const std::string& text);

}  // namespace hsap
