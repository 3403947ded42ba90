#pragma once

#include <vector>

#include "hsap/schedule.hpp"
#include "hsap/strategy.hpp"

namespace hsap::test {

/// A ring over the shards, written out by hand for tests of the verifier: in step j rank r works
/// on the keys of shard r - j, which travel from rank to rank. Forward, each step attends into
/// buffers of its own, which are merged into the output. Backward, dK and dV travel one step
/// behind their keys and come home at the end. Every shard has at least one token.
Schedule ring(const Problem& problem, const std::vector<Intervals>& shards, Pass pass);

/// 24 tokens in four documents.
inline Problem packed() {
  Problem problem;
  problem.batch.lengths = {5, 11, 1, 7};
  problem.heads = {4, 2, 8};
  return problem;
}

/// `shards` equal parts of `tokens` tokens, each one interval.
std::vector<Intervals> contiguous(Token tokens, int shards);
/// Shard c holds tokens c, c + shards, ...
std::vector<Intervals> striped(Token tokens, int shards);

}  // namespace hsap::test
