#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace hsap::test {

/// A folder of a test's own, gone with it.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hsap-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return path_ / name; }

  /// Writes a file and answers its path.
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path(name);
  }

  /// A file that claims `bytes` without taking space.
  [[nodiscard]] std::string sparse(const std::string& name, std::uintmax_t bytes) const {
    std::filesystem::resize_file(write(name, ""), bytes);
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace hsap::test
