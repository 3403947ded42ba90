#pragma once

#include <cstdint>
#include <vector>

#include "hsap/execute.hpp"

namespace hsap {

/// The question that a probe puts to an attention: the same batch as it is, with one document
/// replaced at a time, and with its documents in another order.
struct Probe {
  Problem problem;
  std::uint64_t seed = 1;
  std::vector<int> replaced;  ///< documents that are replaced, each in a run of its own
  std::vector<int> order;     ///< the permuted batch holds document order[i] at place i
};

/// Probes at most `most` documents: the shortest, the longest, the first and the last, then others
/// evenly spread. The order is a rotation of the reversed documents, so no document keeps its
/// neighbours on the same sides.
[[nodiscard]] Probe make_probe(const Problem& problem, std::uint64_t seed, int most);

/// q, k, v and do of the batch as it is.
[[nodiscard]] Tensors base_inputs(const Probe& probe);
/// The same with those of one document replaced.
[[nodiscard]] Tensors replaced_inputs(const Probe& probe, int document);

/// The batch in the other order, and `tensors` of the batch in that order.
[[nodiscard]] Problem permuted_problem(const Probe& probe);
[[nodiscard]] Tensors permuted(const Probe& probe, const Tensors& tensors);

}  // namespace hsap
