#pragma once

#include <span>
#include <string>

#include "hsap/status.hpp"

namespace hsap::cli {

/// A file that a program will write: the flag that asked for it, and its path. An empty path is
/// no file, "-" is stdout.
struct Target {
  std::string flag;
  std::string path;
};

/// Called before a computation, so that nobody waits for a result that cannot be kept: an error
/// when a target exists without --force, is no regular file, lies in no writable folder, or is
/// named twice.
[[nodiscard]] Status check_targets(std::span<const Target> targets, bool force);

/// Writes `text` to the target, whole or not at all.
[[nodiscard]] Status write_target(const Target& target, const std::string& text, bool force);

/// Writes to stdout; a closed pipe or a full disk is an error.
[[nodiscard]] Status print_stdout(const std::string& text);

}  // namespace hsap::cli
