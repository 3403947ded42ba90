#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "hsap/batch.hpp"

namespace hsap {
namespace {

Status check_input(std::span<const Token> lengths, Token context, Packing packing) {
  if (context < 1 || context > max_tokens) {
    return bad_input("bad context", fmt::format("{}", context),
                     fmt::format("from 1 to {} tokens", max_tokens));
  }
  const Token most = packing == Packing::best_fit ? context : max_tokens;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] >= 1 && lengths[i] <= most) continue;
    const char* message =
        lengths[i] < 1 ? "bad length of document {}" : "document {} is longer than the context";
    return bad_input(fmt::format(fmt::runtime(message), i), fmt::format("{} tokens", lengths[i]),
                     fmt::format("from 1 to {} tokens", most));
  }
  return {};
}

std::vector<Batch> pack_sequential(std::span<const Token> lengths, Token context) {
  std::vector<Batch> batches;
  Batch open;
  Token room = context;
  for (const Token length : lengths) {
    Token rest = length;
    while (rest > 0) {
      const Token piece = std::min(rest, room);
      open.lengths.push_back(piece);
      rest -= piece;
      room -= piece;
      if (room > 0) continue;
      batches.push_back(std::exchange(open, {}));
      room = context;
    }
  }
  return batches;
}

std::vector<Batch> pack_best_fit(std::span<const Token> lengths, Token context) {
  std::vector<Token> sorted(lengths.begin(), lengths.end());
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  std::vector<Batch> batches;
  std::set<std::pair<Token, std::size_t>> rooms;  // tokens still free, batch
  for (const Token length : sorted) {
    const auto fullest = rooms.lower_bound({length, 0});
    std::size_t index = batches.size();
    Token room = context;
    if (fullest == rooms.end()) {
      batches.emplace_back();
    } else {
      std::tie(room, index) = *fullest;
      rooms.erase(fullest);
    }
    batches[index].lengths.push_back(length);
    if (room > length) rooms.emplace(room - length, index);
  }
  return batches;
}

}  // namespace

Result<std::vector<Batch>> pack(std::span<const Token> lengths, Token context, Packing packing) {
  HSAP_CHECK(check_input(lengths, context, packing));
  return packing == Packing::sequential ? pack_sequential(lengths, context)
                                        : pack_best_fit(lengths, context);
}

}  // namespace hsap
