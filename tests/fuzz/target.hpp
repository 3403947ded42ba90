#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

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

/// A file of this process with the bytes, for readers that take a path.
inline std::string file_with(const std::string& text, const std::string& extension) {
  static const std::filesystem::path folder = [] {
    std::string pattern = (std::filesystem::temp_directory_path() / "hsap-fuzz-XXXXXX").string();
    return std::filesystem::path(::mkdtemp(pattern.data()));
  }();
  const std::filesystem::path path = folder / ("input" + extension);
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

}  // namespace hsap::fuzz
