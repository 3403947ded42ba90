#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

/// What a fuzzer calls with one input: libFuzzer, or the replay of corpus and mutations in the
/// tests. Whatever the bytes are, it must return; a broken promise aborts.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace hsap::fuzz {

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return {data, data + size};
}

inline void demand(bool promise) {
  if (!promise) std::abort();
}

/// A folder that goes with the process.
class OwnFolder {
 public:
  OwnFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hsap-fuzz-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~OwnFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  OwnFolder(const OwnFolder&) = delete;
  OwnFolder& operator=(const OwnFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A file of this process with the bytes, for readers that take a path.
inline std::string file_with(const std::string& text, const std::string& extension) {
  static const OwnFolder folder;
  const std::filesystem::path path = folder.path() / ("input" + extension);
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

}  // namespace hsap::fuzz
