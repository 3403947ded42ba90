#pragma once

#include <span>
#include <string>

#include "hsap/status.hpp"

namespace hsap::cli {

/// A file that a program will write: the flag that asked for it, and its path. An empty path is
/// no file, "-" is stdout.
struct OutputFile {
  std::string flag;
  std::string path;
};

/// Called before a computation, so that nobody waits for a result that cannot be kept: an error
/// when one exists without --force, is no regular file, lies in no writable folder, or is
/// named twice.
[[nodiscard]] Status check_outputs(std::span<const OutputFile> files, bool force);

/// Whether one of the files is stdout, which then holds nothing else: no table.
[[nodiscard]] bool takes_stdout(std::span<const OutputFile> files);

/// Writes `text` to the file, whole or not at all.
[[nodiscard]] Status write_output(const OutputFile& file, const std::string& text, bool force);

/// Writes to stdout; a closed pipe or a full disk is an error.
[[nodiscard]] Status print_stdout(const std::string& text);

}  // namespace hsap::cli
