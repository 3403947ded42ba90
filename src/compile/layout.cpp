#include "compile/layout.hpp"

#include <algorithm>

namespace hsap {
namespace {

/// Appends tokens that lie behind all that the list holds.
void append(Intervals& list, Token begin, Token end) {
  if (begin >= end) return;
  if (!list.empty() && list.back().end == begin) {
    list.back().end = end;
  } else {
    list.push_back({begin, end, 1});
  }
}

std::vector<Share> equal_shares(Token tokens, int shards) {
  std::vector<Share> shares;
  shares.reserve(static_cast<std::size_t>(shards));
  for (int c = 0; c < shards; ++c) shares.push_back({c, equal_part(tokens, shards, c)});
  return shares;
}

std::vector<Intervals> contiguous(Token tokens, int shards) {
  std::vector<Intervals> out(static_cast<std::size_t>(shards));
  Token begin = 0;
  for (const Share& share : equal_shares(tokens, shards)) {
    append(out[static_cast<std::size_t>(share.shard)], begin, begin + share.tokens);
    begin += share.tokens;
  }
  return out;
}

std::vector<Intervals> zigzag(Token tokens, int shards) {
  std::vector<Intervals> out(static_cast<std::size_t>(shards));
  deal_zigzag(0, equal_shares(tokens, shards), out);
  return out;
}

std::vector<Intervals> striped(Token tokens, int shards) {
  std::vector<Intervals> out(static_cast<std::size_t>(shards));
  for (int c = 0; c < std::min(shards, tokens); ++c) {
    out[static_cast<std::size_t>(c)].push_back(make_interval(c, tokens, shards));
  }
  return out;
}

/// Every document zigzags over all shards. The tokens that do not divide go to the shards that
/// are next in turn, so that totals never differ by more than one token.
std::vector<Intervals> per_document_zigzag(const Batch& batch, int shards) {
  std::vector<Intervals> out(static_cast<std::size_t>(shards));
  std::vector<Share> shares;
  Token begin = 0;
  int turn = 0;
  for (const Token length : batch.lengths) {
    const Token each = length / shards;
    const Token extra = length % shards;
    shares.clear();
    for (int i = 0; i < std::min(shards, length); ++i) {
      shares.push_back({(turn + i) % shards, each + (i < extra ? 1 : 0)});
    }
    deal_zigzag(begin, shares, out);
    begin += length;
    turn = static_cast<int>((turn + extra) % shards);
  }
  return out;
}

}  // namespace

Token equal_part(Token tokens, int parts, int index) {
  const std::int64_t all = tokens;
  return static_cast<Token>(all * (index + 1) / parts - all * index / parts);
}

void deal_zigzag(Token begin, std::span<const Share> shares, std::vector<Intervals>& shards) {
  for (const Share& share : shares) {
    const Token front = share.tokens - share.tokens / 2;
    append(shards[static_cast<std::size_t>(share.shard)], begin, begin + front);
    begin += front;
  }
  for (std::size_t i = shares.size(); i-- > 0;) {
    const Token back = shares[i].tokens / 2;
    append(shards[static_cast<std::size_t>(shares[i].shard)], begin, begin + back);
    begin += back;
  }
}

std::vector<Intervals> shard_tokens(Layout layout, const Problem& problem, int shards) {
  switch (layout) {
    case Layout::contiguous:
      return contiguous(problem.batch.tokens(), shards);
    case Layout::zigzag:
      return zigzag(problem.batch.tokens(), shards);
    case Layout::striped:
      return striped(problem.batch.tokens(), shards);
    case Layout::per_document_zigzag:
      return per_document_zigzag(problem.batch, shards);
    case Layout::balanced:
      return balanced_shards(problem, shards);
  }
  return {};
}

}  // namespace hsap
