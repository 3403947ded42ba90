#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hsap/interval.hpp"
#include "hsap/status.hpp"

namespace hsap {

/// Longest document, longest batch and largest context: 2^30 tokens.
inline constexpr Token max_tokens = Token{1} << 30;

/// One packed sequence: the lengths of its documents in order, in tokens, each at least 1.
struct Batch {
  std::vector<Token> lengths;

  [[nodiscard]] Token tokens() const;
  [[nodiscard]] std::size_t documents() const { return lengths.size(); }
  /// Prefix sums, shape [documents + 1], first 0, last tokens(): what varlen kernels take.
  [[nodiscard]] std::vector<Token> cu_seqlens() const;

  friend bool operator==(const Batch&, const Batch&) = default;
};

/// Checks lengths: at least one document, each at least one token, at most 2^30 in sum.
[[nodiscard]] Status check(const Batch& batch);

/// How a stream of documents becomes batches of at most `context` tokens.
enum class Packing {
  sequential,  ///< in order; a document that does not fit is cut and its rest opens the next
               ///< batch as a document of its own, as pre-training data loaders do
  best_fit,    ///< whole documents into the fullest batch with room (best-fit decreasing)
};

/// Packs `lengths` into batches of exactly (sequential) or at most (best_fit) `context` tokens.
/// Sequential packing drops a last batch that is not full. Best fit holds the longest document
/// of a batch first, breaks ties towards the older batch, and refuses a document longer than
/// the context. Lengths must be at least 1, `context` from 1 to 2^30.
[[nodiscard]] Result<std::vector<Batch>> pack(std::span<const Token> lengths, Token context,
                                              Packing packing);

/// Who batches are dealt out to.
struct DealOptions {
  int replicas = 1;
  int accumulation = 1;  ///< batches of each replica in one optimizer step
  int together = 1;      ///< neighbouring replicas that take each of their batches at once, since
                         ///< they share experts
};

/// Deals the batches of some optimizer steps out by their work, so that what runs side by side ends
/// together: a step takes batches that are alike, so do all replicas in each place of a step, and
/// of these the heaviest goes to the replica that has least so far. Shape [steps, accumulation,
/// replicas] of indices into `work`; steps come in the order of their work (a loader may shuffle
/// them), the batches of a replica with the least first, as suits a pipeline. `work` in any unit;
/// of batches with equally many tokens the area of their masks will do. Ties break by index.
/// Errors: numbers below 1, `together` that does not divide the replicas, batches that do not fill
/// whole steps, work that is negative or not finite (bad_input). O(batches log batches).
[[nodiscard]] Result<std::vector<std::uint32_t>> deal(std::span<const double> work,
                                                      const DealOptions& options);

/// "4096,512,64K" as lengths; K, M and G are binary. "4Kx64" stands for 64 documents of 4K.
[[nodiscard]] Result<Batch> parse_documents(const std::string& text);

}  // namespace hsap
