#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "compile/mesh.hpp"
#include "hsap/compile.hpp"

namespace hsap {
namespace {

constexpr int most_shards = 1 << 14;
/// Products of two numbers of heads stay inside an int.
constexpr int most_heads = 1 << 15;
/// Pairs of pieces of one document. A schedule has about one slice for each: a gigabyte.
constexpr std::int64_t most_pairs = std::int64_t{1} << 25;
/// Chunks of documents, each an interval of some shard.
constexpr std::int64_t most_chunks = std::int64_t{1} << 23;
/// Steps of all ranks of a ring, each with its buffers, messages and kernel: 400 bytes or more.
constexpr std::int64_t most_steps = std::int64_t{1} << 24;

using Reason = std::optional<std::string>;

Reason illegal_heads(const Heads& heads) {
  if (heads.query < 1 || heads.key_value < 1 || heads.dim < 1) {
    return fmt::format(
        "{} query heads, {} key/value heads and head dimension {} are not all "
        "positive",
        heads.query, heads.key_value, heads.dim);
  }
  if (heads.query > most_heads) {
    return fmt::format("{} query heads are more than the {} that are supported", heads.query,
                       most_heads);
  }
  if (heads.query % heads.key_value != 0) {
    return fmt::format("{} query heads do not divide evenly over {} key/value heads", heads.query,
                       heads.key_value);
  }
  return std::nullopt;
}

Reason illegal_mesh(const Problem& problem, const Strategy& strategy) {
  const int u = strategy.ulysses;
  const int c = strategy.context_parallel;
  if (u < 1 || c < 1) return fmt::format("a mesh of {} x {} ranks holds none", u, c);
  if (c > most_shards) {
    return fmt::format("{} context shards are more than the {} that are supported", c, most_shards);
  }
  if (u > problem.heads.query) {
    return fmt::format("{} query heads do not cover {} Ulysses ranks", problem.heads.query, u);
  }
  const Token tokens = problem.batch.tokens();
  const std::int64_t ranks = std::int64_t{u} * c;
  if (tokens < ranks) {
    return fmt::format("a batch of {} tokens is smaller than {} ranks", tokens, ranks);
  }
  return std::nullopt;
}

Reason illegal_mask(const Mask& mask) {
  if (mask.kind == Mask::Kind::sliding && mask.window < 1) {
    return fmt::format("a sliding window of {} tokens holds no key", mask.window);
  }
  if (mask.prefix < 0)
    return fmt::format("a prefix of {} tokens is shorter than none", mask.prefix);
  if (mask.kind == Mask::Kind::shared_question && mask.answers < 1) {
    return fmt::format("a shared question with {} answers has none", mask.answers);
  }
  return std::nullopt;
}

Reason illegal_slices(const Problem& problem) {
  const std::int64_t slices = count_slices(problem.mask, problem.batch);
  if (slices <= max_slices) return std::nullopt;
  return fmt::format("mask {} makes up to {} slices of {} documents, more than {}",
                     to_string(problem.mask), slices, problem.batch.documents(), max_slices);
}

/// Two chunks for each shard of every document, whatever the exchange makes of them.
Reason illegal_chunks(const Problem& problem, const Strategy& strategy) {
  if (strategy.layout != Layout::per_document_zigzag) return std::nullopt;
  std::int64_t chunks = 0;
  for (const Token length : problem.batch.lengths) {
    chunks += std::min(length, 2 * strategy.context_parallel);
  }
  if (chunks <= most_chunks) return std::nullopt;
  return fmt::format(
      "{} cuts {} documents over {} shards into {} million chunks, more than the {} million that "
      "fit in memory",
      to_string(strategy.layout), problem.batch.documents(), strategy.context_parallel,
      chunks >> 20, most_chunks >> 20);
}

/// A ring makes every rank meet every shard, whatever the mask.
Reason illegal_steps(const Strategy& strategy) {
  if (strategy.exchange != Exchange::ring && strategy.exchange != Exchange::double_ring) {
    return std::nullopt;
  }
  const std::int64_t shards = strategy.context_parallel;
  const std::int64_t steps = strategy.ulysses * shards * shards;
  if (steps <= most_steps) return std::nullopt;
  return fmt::format(
      "a {} of {} ranks over {} shards has {} million steps, more than the {} million that fit in "
      "memory",
      to_string(strategy.exchange), strategy.ranks(), shards, steps >> 20, most_steps >> 20);
}

/// Slices of a document of which `pieces` lie on different shards: pairs of pieces, for each answer
/// of a shared question again.
std::int64_t cut_slices(const Mask& mask, Layout layout, Token length, std::int64_t pieces) {
  const auto cut = [pieces](std::int64_t tokens) { return std::min(tokens, pieces); };
  const std::int64_t whole = cut(length);
  if (mask.kind != Mask::Kind::shared_question) return whole * whole / 2;
  const std::int64_t answers = std::min(mask.answers, length);
  // Contiguous pieces are cut once more where an answer ends.
  if (layout != Layout::striped) return whole * whole / 2 + answers * whole;
  const std::int64_t answer = cut(length / answers + 1);
  return whole * whole / 2 + answers * answer * (answer + cut(mask.prefix));
}

/// The most pieces that a document is cut into for all shards.
std::int64_t most_pieces(const Problem& problem, const Strategy& strategy, Token length) {
  const std::int64_t shards = strategy.context_parallel;
  if (strategy.layout == Layout::striped) return shards;
  if (strategy.layout == Layout::per_document_zigzag) return 2 * shards;
  // Chunks of the batch, each with an equal share of its tokens, of which a long document has many.
  const std::int64_t chunks = (strategy.layout == Layout::contiguous ? 1 : 2) * shards;
  return std::min(chunks, chunks * length / problem.batch.tokens() + 2);
}

/// A document in many pieces makes slices of all pairs of them.
Reason illegal_size(const Problem& problem, const Strategy& strategy) {
  // There whole documents are gathered before they are attended to.
  const bool gathers =
      strategy.exchange == Exchange::all_gather && strategy.layout != Layout::striped;
  if (gathers) return std::nullopt;
  std::int64_t pairs = 0;
  for (const Token length : problem.batch.lengths) {
    pairs +=
        cut_slices(problem.mask, strategy.layout, length, most_pieces(problem, strategy, length));
  }
  if (pairs <= most_pairs) return std::nullopt;
  return fmt::format(
      "{} cuts {} documents over {} shards into {} million pairs of pieces, more "
      "than the {} million that fit in memory",
      to_string(strategy.layout), problem.batch.documents(), strategy.context_parallel, pairs >> 20,
      most_pairs >> 20);
}

/// The fewest key/value heads on any member of a Ulysses group.
int key_heads_of_every_rank(const Problem& problem, const Strategy& strategy) {
  const Mesh mesh(strategy, problem.heads);
  int fewest = problem.heads.key_value;
  for (int u = 0; u < strategy.ulysses; ++u) fewest = std::min(fewest, mesh.key_heads(u).size());
  return fewest;
}

int nodes_of(const Strategy& strategy) {
  return strategy.inner_degree == 0 ? 1 : strategy.context_parallel / strategy.inner_degree;
}

/// The stages of a hierarchical exchange are those of the other nodes; the own node has one too.
int stages_between_nodes(const Strategy& strategy) { return std::max(1, nodes_of(strategy) - 1); }

Reason illegal_stages(const Problem& problem, const Strategy& strategy) {
  const int stages = strategy.stages;
  if (stages < 0) return fmt::format("{} stages are fewer than none", stages);
  if (stages == 0 || strategy.context_parallel == 1) return std::nullopt;
  const int peers = strategy.context_parallel - 1;
  const bool rings =
      strategy.exchange == Exchange::ring || strategy.exchange == Exchange::double_ring;
  if (rings && stages != peers) {
    return fmt::format("a ring of {} shards has {} stages, not {}", strategy.context_parallel,
                       peers, stages);
  }
  if (strategy.exchange == Exchange::hierarchical && stages > stages_between_nodes(strategy)) {
    return fmt::format("{} other nodes cannot be grouped into {} stages", nodes_of(strategy) - 1,
                       stages);
  }
  if (strategy.exchange == Exchange::p2p && stages > peers) {
    return fmt::format("{} peers cannot be grouped into {} stages", peers, stages);
  }
  if (strategy.exchange == Exchange::all_gather) {
    const int heads = key_heads_of_every_rank(problem, strategy);
    if (stages > heads) {
      return fmt::format("{} key/value heads on a rank cannot be gathered in {} stages", heads,
                         stages);
    }
  }
  return std::nullopt;
}

bool has_inner_degree(const Strategy& strategy) {
  if (strategy.context_parallel == 1) return false;
  return strategy.exchange == Exchange::double_ring ||
         strategy.exchange == Exchange::hierarchical ||
         (strategy.exchange == Exchange::p2p &&
          strategy.transfer_order == TransferOrder::nic_balanced);
}

Reason illegal_inner_degree(const Strategy& strategy) {
  const int inner = strategy.inner_degree;
  if (!has_inner_degree(strategy) || inner == 0) return std::nullopt;
  if (inner > 0 && strategy.context_parallel % inner == 0) return std::nullopt;
  return fmt::format("an inner degree of {} does not divide {} context shards", inner,
                     strategy.context_parallel);
}

}  // namespace

std::optional<std::string> illegal(const Problem& problem, const Strategy& strategy) {
  if (const Status batch = check(problem.batch); !batch) return batch.error().message;
  if (Reason reason = illegal_mask(problem.mask)) return reason;
  if (Reason reason = illegal_heads(problem.heads)) return reason;
  if (Reason reason = illegal_mesh(problem, strategy)) return reason;
  if (Reason reason = illegal_inner_degree(strategy)) return reason;
  if (Reason reason = illegal_stages(problem, strategy)) return reason;
  if (Reason reason = illegal_steps(strategy)) return reason;
  if (Reason reason = illegal_slices(problem)) return reason;
  if (Reason reason = illegal_chunks(problem, strategy)) return reason;
  return illegal_size(problem, strategy);
}

Strategy meaningful(const Strategy& strategy) {
  const Strategy plain;
  Strategy result = strategy;
  if (!has_inner_degree(strategy)) result.inner_degree = plain.inner_degree;
  if (strategy.exchange != Exchange::p2p) {
    result.moves = plain.moves;
    result.transfer_order = plain.transfer_order;
    result.gradient_return = plain.gradient_return;
  }
  return result;
}

int near_shards(const Strategy& strategy, int node_ranks) {
  const int neighbours = strategy.order == Order::context_inner || strategy.ulysses == 1
                             ? node_ranks
                             : node_ranks / strategy.ulysses;
  return std::gcd(strategy.context_parallel, std::max(neighbours, 1));
}

Strategy resolve(const Strategy& strategy) {
  Strategy resolved = meaningful(strategy);
  if (has_inner_degree(strategy) && strategy.inner_degree == 0) {
    resolved.inner_degree = strategy.context_parallel;
  }
  const int peers = strategy.context_parallel - 1;
  if (peers == 0) {
    resolved.stages = 0;
  } else if (strategy.exchange == Exchange::ring || strategy.exchange == Exchange::double_ring) {
    resolved.stages = peers;
  } else if (strategy.stages == 0) {
    const int most = strategy.exchange == Exchange::p2p            ? peers
                     : strategy.exchange == Exchange::hierarchical ? stages_between_nodes(strategy)
                                                                   : 1;
    resolved.stages = std::min(4, most);
  }
  return resolved;
}

}  // namespace hsap
