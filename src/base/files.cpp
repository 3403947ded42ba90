#include "base/files.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/names.hpp"
#include "base/units.hpp"

namespace hsap {
namespace fs = std::filesystem;
namespace {

Error file_error(const std::string& path, const std::string& message, std::string found = {},
                 std::string expected = {}) {
  Error error = bad_input(message, std::move(found), std::move(expected));
  error.file = path;
  return error;
}

/// Where the shipped data lies: $HSAP_DATA, else the source tree this was built from, else the
/// place it was installed to.
fs::path data_root() {
  if (const char* from_environment = std::getenv("HSAP_DATA")) return from_environment;
  const fs::path source = HSAP_SOURCE_DATA;
  std::error_code ignored;
  return fs::is_directory(source / "topologies", ignored) ? source : fs::path(HSAP_INSTALLED_DATA);
}

/// The shipped files of a folder, sorted; a README is no input.
std::vector<fs::path> shipped_files(const std::string& folder) {
  std::vector<fs::path> paths;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(data_root() / folder, code)) {
    if (entry.is_regular_file(code) && entry.path().extension() != ".md") {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

Result<std::int64_t> file_size(const std::string& path, std::int64_t max_bytes) {
  std::error_code code;
  if (!fs::is_regular_file(path, code)) {
    return file_error(path, fs::exists(path, code) ? "not a regular file" : "no such file");
  }
  const auto size = static_cast<std::int64_t>(fs::file_size(path, code));
  if (code) return file_error(path, "cannot be read: " + code.message());
  if (size > max_bytes) {
    return file_error(path, "file too large", format_bytes(static_cast<double>(size)),
                      "at most " + format_bytes(static_cast<double>(max_bytes)));
  }
  return size;
}

Result<std::string> read_file(const std::string& path, std::int64_t max_bytes) {
  HSAP_TRY(const std::int64_t size, file_size(path, max_bytes));
  std::ifstream in(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(size), '\0');
  if (!in.read(text.data(), size)) return file_error(path, "cannot be read");
  return text;
}

Status read_blocks(const std::string& path, std::int64_t max_bytes,
                   const std::function<void(std::string_view)>& use) {
  HSAP_TRY(std::int64_t left, file_size(path, max_bytes));
  std::ifstream in(path, std::ios::binary);
  std::string block(std::size_t{1} << 20, '\0');
  while (left > 0) {
    const std::int64_t size = std::min(left, static_cast<std::int64_t>(block.size()));
    if (!in.read(block.data(), size)) return file_error(path, "cannot be read");
    use(std::string_view(block).substr(0, static_cast<std::size_t>(size)));
    left -= size;
  }
  return {};
}

Status write_file(const std::string& path, const std::string& text, bool force) {
  std::error_code code;
  if (!force && fs::exists(path, code)) {
    return file_error(path, "file exists", {}, "a new name, or --force to replace it");
  }
  const std::string temporary = path + ".tmp" + std::to_string(::getpid());
  std::ofstream out(temporary, std::ios::binary);
  out << text;
  out.close();
  if (!out) {
    fs::remove(temporary, code);
    return file_error(path, std::string("cannot be written: ") + std::strerror(errno));
  }
  fs::rename(temporary, path, code);
  if (code) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    return file_error(path, "cannot be written: " + code.message());
  }
  return {};
}

std::vector<std::string> shipped_names(const std::string& folder) {
  std::vector<std::string> names;
  for (const fs::path& path : shipped_files(folder)) names.push_back(path.stem().string());
  return names;
}

Result<std::string> find_input(const std::string& folder, const std::string& name_or_path) {
  const fs::path given = name_or_path;
  // By its form alone: a file that happens to lie here must not stand in for what ships.
  const bool is_path = given.has_parent_path() || given.has_extension();
  std::error_code code;
  const bool is_file = fs::is_regular_file(given, code);
  if (is_path && is_file) return name_or_path;
  const std::vector<std::string> names = shipped_names(folder);
  const std::string known = suggest(name_or_path, names);
  if (is_path) {
    const char* message = fs::exists(given, code) ? "not a regular file" : "no such file";
    return file_error(name_or_path, message, {}, names.empty() ? "a file" : "a file, or " + known);
  }
  if (names.empty()) {
    return file_error((data_root() / folder).string(), "none of hsap's files are there", {},
                      "HSAP_DATA to name the folder that holds " + folder + ", or a path");
  }
  for (const fs::path& path : shipped_files(folder)) {
    if (path.stem() == given) return path.string();
  }
  return bad_input("nothing of that name in " + folder, "'" + name_or_path + "'",
                   known + ", or " + (is_file ? "'./" + name_or_path + "'" : "a path"));
}

}  // namespace hsap
