#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hsap/schedule.hpp"
#include "hsap/status.hpp"

namespace hsap::fit {

/// More rows than this in all files together are refused.
inline constexpr std::size_t max_rows = 200000;
/// More documents in one row are refused.
inline constexpr std::int64_t max_documents = 4096;
/// More transfers than this at once are refused.
inline constexpr std::size_t max_transfers = 65536;
/// More different patterns than this are refused.
inline constexpr std::size_t max_patterns = 1024;
/// A longer file, or line of a file, is refused.
inline constexpr std::int64_t max_file_bytes = std::int64_t{64} << 20;
inline constexpr std::size_t max_line_bytes = std::size_t{1} << 20;

/// Where a row stands, so that complaints about its value can name it.
struct Place {
  std::size_t file = 0;   ///< index into Data::files
  std::int64_t line = 0;  ///< from 1; 0: the file as a whole
};

/// One timed attention kernel alone on its GPU: one dense or causal slice, or as many equal ones,
/// packed, as documents of `document` queries fit.
struct KernelRow {
  Place place;
  std::int64_t queries = 0;
  std::int64_t keys = 0;
  int heads = 0;
  int head_dim = 0;
  bool causal = false;
  Pass pass = Pass::forward;
  double seconds = 0;
  std::int64_t document = 0;  ///< queries of each document, a divisor; 0: all are one

  [[nodiscard]] std::int64_t documents() const { return document > 0 ? queries / document : 1; }
};

/// One timed kernel that moves rows (copies, sums, merges), alone on its GPU.
struct CopyRow {
  Place place;
  std::string kernel;  ///< "merge"
  double bytes = 0;    ///< read and written
  double seconds = 0;
};

struct Transfer {
  int from = 0;  ///< GPU of the cluster
  int to = 0;
  friend bool operator==(const Transfer&, const Transfer&) = default;
};

/// One round: equal messages between these pairs, all begun at once.
struct Pattern {
  std::string name;  ///< "0>8 8>0"
  std::vector<Transfer> transfers;
};

/// How long a round took.
struct TransferRow {
  Place place;
  std::size_t pattern = 0;  ///< index into Data::patterns
  double bytes = 0;         ///< of each message
  double seconds = 0;
};

/// All that the files say.
struct Data {
  std::vector<std::string> files;
  std::vector<KernelRow> kernels;
  std::vector<CopyRow> copies;
  std::vector<Pattern> patterns;
  std::vector<TransferRow> transfers;
  /// Files, or parts of them, that were read and tell nothing, with the reason.
  std::vector<std::string> unused;

  [[nodiscard]] Error error_at(Place place, std::string message, std::string found = {},
                               std::string expected = {}) const;
  /// The pattern with these transfers, added if it is new.
  std::size_t pattern_of(const std::vector<Transfer>& pairs);
};

}  // namespace hsap::fit
