#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hsap/batch.hpp"
#include "hsap/status.hpp"

namespace hsap {

/// A stream of document lengths that stands for a dataset: either the lengths themselves or a
/// histogram to draw from.
struct Trace {
  /// Lengths from low to high inclusive, weighted by count.
  struct Bin {
    Token low = 1;
    Token high = 1;
    double count = 0;
  };
  std::string name;
  std::vector<Token> lengths;  ///< empty for a histogram
  std::vector<Bin> bins;       ///< empty for a list
};

/// Reads traces/NAME.*, or a path: .json (a histogram, or an array of lengths), .jsonl (objects
/// with a "length" or "tokens" field), .csv (a "length" or "tokens" column), anything else one
/// length a line. At most 2^28 documents are read from files of at most 4 GiB (.json: 64 MiB).
/// File format: docs/trace-format.md.
[[nodiscard]] Result<Trace> load_trace(const std::string& name_or_path);

struct SampleOptions {
  Token context = 8192;  ///< tokens in a batch
  int batches = 1;       ///< from 1 to 2^20
  std::uint64_t seed = 1;
  Packing packing = Packing::sequential;
};

/// Draws batches. Documents come in seeded random order: from a list without replacement until
/// it is used up (then again from the whole list), from a histogram with probability
/// proportional to 1 / length (log-uniform) inside a bin drawn by count. A document longer than
/// the context is cut by sequential packing and left out by best fit. Documents are drawn until
/// they hold batches x context tokens; best fit packs those and keeps `batches` drawn from them.
/// The same seed gives the same batches on every machine. Errors: more than 2^24 documents needed;
/// fewer than one document in a million fits the context.
[[nodiscard]] Result<std::vector<Batch>> sample(const Trace& trace, const SampleOptions& options);

}  // namespace hsap
