#include "export/plan/fingerprint.hpp"

#include <fmt/format.h>

#include <cstdint>

#include "base/files.hpp"

namespace hsap {

namespace {

constexpr std::uint64_t start = 0xcbf29ce484222325;

std::uint64_t hashed(std::uint64_t hash, std::string_view text) {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return hash;
}

std::string digits(std::uint64_t hash) { return fmt::format("{:016x}", hash); }

}  // namespace

std::string fnv1a64(std::string_view text) { return digits(hashed(start, text)); }

std::string batches_text(std::span<const Batch> batches) {
  std::string text;
  for (const Batch& batch : batches) {
    for (const Token length : batch.lengths) text += std::to_string(length) + ",";
    text += "\n";
  }
  return text;
}

Result<InputHash> hash_input(const std::string& what, const std::string& folder,
                             const std::string& name_or_path) {
  constexpr std::int64_t most_bytes = std::int64_t{4} << 30;  // of a trace
  HSAP_TRY(const std::string path, find_input(folder, name_or_path));
  std::uint64_t hash = start;
  HSAP_CHECK(
      read_blocks(path, most_bytes, [&](std::string_view block) { hash = hashed(hash, block); }));
  return InputHash{what, name_or_path, digits(hash)};
}

}  // namespace hsap
