#include "cli/output.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/files.hpp"
#include "cli/program.hpp"

namespace hsap::cli {
namespace fs = std::filesystem;
namespace {

Error at(const OutputFile& file, const std::string& message, const std::string& expected) {
  Error error = bad_input(message, {}, expected);
  error.file = file.path;
  error.position = file.flag;
  return error;
}

Status check_output(const OutputFile& file, bool force) {
  const fs::path path = file.path;
  std::error_code code;
  const bool exists = fs::exists(path, code);
  if (exists && !fs::is_regular_file(path, code)) {
    return at(file, "exists and is not a regular file", "a path for a new file");
  }
  if (exists && !force) return at(file, "file exists", "a new name, or --force to replace it");
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, code)) {
    return at(file, "no such folder: " + folder.string(), "a folder that exists");
  }
  if (::access(folder.c_str(), W_OK) != 0) {
    return at(file, "cannot be written: " + std::string(std::strerror(errno)),
              "a folder that can be written to");
  }
  return {};
}

/// The same text for every spelling of a file's place. A link that is the file itself is not
/// followed: writing replaces it.
std::string place_of(const std::string& file) {
  if (file == "-") return file;
  std::error_code code;
  const fs::path path = fs::absolute(file, code);
  const fs::path folder = fs::weakly_canonical(path.parent_path(), code);
  return (code ? path.lexically_normal() : folder / path.filename()).string();
}

}  // namespace

Status check_outputs(std::span<const OutputFile> files, bool force) {
  std::set<std::string> seen;
  for (const OutputFile& file : files) {
    if (file.path.empty()) continue;
    if (!seen.insert(place_of(file.path)).second) {
      return at(file, "named twice", "a file of its own for each output");
    }
    if (file.path != "-") HSAP_CHECK(check_output(file, force));
  }
  return {};
}

bool takes_stdout(std::span<const OutputFile> files) {
  return std::any_of(files.begin(), files.end(),
                     [](const OutputFile& file) { return file.path == "-"; });
}

Status write_output(const OutputFile& file, const std::string& text, bool force) {
  if (file.path.empty()) return {};
  if (file.path == "-") return print_stdout(text);
  const HoldInterrupts hold;
  return write_file(file.path, text, force);
}

Status print_stdout(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (written && std::fflush(stdout) == 0) return {};
  Error error = bad_input("cannot be written: " + std::string(std::strerror(errno)));
  error.file = "stdout";
  return error;
}

}  // namespace hsap::cli
