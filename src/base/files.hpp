#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "hsap/status.hpp"

namespace hsap {

/// Size of a regular file, an error when it is larger than `max_bytes`. Opens nothing.
[[nodiscard]] Result<std::int64_t> file_size(const std::string& path, std::int64_t max_bytes);

/// The whole text of a regular file of at most `max_bytes`.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::int64_t max_bytes);

/// Hands over the text of a regular file of at most `max_bytes` from front to back, a megabyte at a
/// time.
[[nodiscard]] Status read_blocks(const std::string& path, std::int64_t max_bytes,
                                 const std::function<void(std::string_view)>& use);

/// Writes whole or not at all: a temporary beside the target, then a rename. Refuses to replace
/// a file unless `force`.
[[nodiscard]] Status write_file(const std::string& path, const std::string& text, bool force);

/// Finds what a user named: a path when it has a slash or an extension, otherwise
/// `folder`/NAME.* among the files hsap ships, whatever lies in the current folder. Errors list the
/// names that exist.
/// `folder` is "topologies", "models", "traces" or "runtimes".
[[nodiscard]] Result<std::string> find_input(const std::string& folder,
                                             const std::string& name_or_path);

/// Names of the shipped files of a folder, sorted.
[[nodiscard]] std::vector<std::string> shipped_names(const std::string& folder);

}  // namespace hsap
