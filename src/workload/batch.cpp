#include "hsap/batch.hpp"

#include <fmt/format.h>

#include <numeric>

#include "base/units.hpp"

namespace hsap {
namespace {

constexpr std::int64_t max_documents = std::int64_t{1} << 24;  // of one batch given by hand

/// Appends the documents of one item, "64K" or "4Kx64".
Status parse_item(const std::string& item, std::vector<Token>& lengths) {
  const std::size_t cross = item.find('x');
  HSAP_TRY(const std::int64_t length,
           parse_size(item.substr(0, cross), "document length", 1, max_tokens));
  std::int64_t count = 1;
  if (cross != std::string::npos) {
    HSAP_TRY(count, parse_size(item.substr(cross + 1), "number of documents", 1, max_documents));
  }
  if (static_cast<std::int64_t>(lengths.size()) + count > max_documents) {
    return bad_input("too many documents", "'" + item + "'",
                     fmt::format("at most {} documents", max_documents));
  }
  lengths.insert(lengths.end(), static_cast<std::size_t>(count), static_cast<Token>(length));
  return {};
}

}  // namespace

Token Batch::tokens() const { return std::accumulate(lengths.begin(), lengths.end(), Token{0}); }

std::vector<Token> Batch::cu_seqlens() const {
  std::vector<Token> sums(lengths.size() + 1, 0);
  std::partial_sum(lengths.begin(), lengths.end(), sums.begin() + 1);
  return sums;
}

Status check(const Batch& batch) {
  if (batch.lengths.empty()) {
    return bad_input("a batch without documents", "0 documents", "at least one document");
  }
  std::int64_t total = 0;
  for (std::size_t i = 0; i < batch.lengths.size(); ++i) {
    const Token length = batch.lengths[i];
    if (length < 1) {
      return bad_input(fmt::format("bad length of document {}", i), fmt::format("{}", length),
                       "at least 1 token");
    }
    total += length;
  }
  if (total > max_tokens) {
    return bad_input("batch too long", fmt::format("{} tokens", total),
                     fmt::format("at most {} tokens", max_tokens));
  }
  return {};
}

Result<Batch> parse_documents(const std::string& text) {
  Batch batch;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    HSAP_CHECK(parse_item(text.substr(begin, comma - begin), batch.lengths));
    begin = comma + 1;
  }
  HSAP_CHECK(check(batch));
  return batch;
}

}  // namespace hsap
