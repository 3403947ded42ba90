#pragma once

#include <string>

namespace hsap {

/// One "key=value" of --set. Paths start in the cluster file ("nic.bandwidth_bytes_per_s"),
/// or in the model or runtime with "model." or "runtime." in front. Each loader applies its own
/// and leaves the others alone.
struct Override {
  std::string path;
  std::string value;
};

}  // namespace hsap
