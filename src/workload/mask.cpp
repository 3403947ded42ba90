#include "hsap/mask.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.hpp"

namespace hsap {
namespace {

// Each answer becomes a slice of each document.
constexpr Token most_answers = Token{1} << 16;

void add(std::vector<Slice>& out, Token q0, Token q1, Token k0, Token k1, SliceKind kind) {
  if (q0 < q1 && k0 < k1) out.push_back({make_interval(q0, q1), make_interval(k0, k1), kind});
}

void lower_sliding(Token begin, Token end, Token window, std::vector<Slice>& out) {
  const Token full_window = std::min(end, begin + std::min(window, end - begin));
  add(out, begin, full_window, begin, full_window, SliceKind::causal);
  // From here on every row sees exactly `window` keys, the first of them begin + 1.
  add(out, full_window, end, begin + 1, end, SliceKind::bi_causal);
}

void lower_prefix(Token begin, Token end, Token prefix, std::vector<Slice>& out) {
  const Token split = begin + std::min(prefix, end - begin);
  if (prefix <= 1) return add(out, begin, end, begin, end, SliceKind::causal);
  add(out, begin, split, begin, split, SliceKind::full);
  add(out, split, end, begin, end, SliceKind::causal);
}

void lower_shared_question(Token begin, Token end, const Mask& mask, std::vector<Slice>& out) {
  const Token split = begin + std::min(mask.prefix, end - begin);
  add(out, begin, split, begin, split, SliceKind::causal);
  add(out, split, end, begin, split, SliceKind::full);
  const Token each = std::max<Token>(1, (end - split) / mask.answers);
  Token at = split;
  for (Token answer = 0; answer < mask.answers && at < end; ++answer) {
    const Token next = answer + 1 == mask.answers ? end : std::min(end, at + each);
    add(out, at, next, at, next, SliceKind::causal);
    at = next;
  }
}

void lower_document(const Mask& mask, Token begin, Token end, std::vector<Slice>& out) {
  switch (mask.kind) {
    case Mask::Kind::causal:
      return add(out, begin, end, begin, end, SliceKind::causal);
    case Mask::Kind::full:
      return add(out, begin, end, begin, end, SliceKind::full);
    case Mask::Kind::sliding:
      return lower_sliding(begin, end, mask.window, out);
    case Mask::Kind::prefix:
      return lower_prefix(begin, end, mask.prefix, out);
    case Mask::Kind::shared_question:
      return lower_shared_question(begin, end, mask, out);
  }
}

/// At least as many slices as lower_document() adds.
std::int64_t count_slices(const Mask& mask, Token length) {
  switch (mask.kind) {
    case Mask::Kind::causal:
    case Mask::Kind::full:
      return 1;
    case Mask::Kind::sliding:
    case Mask::Kind::prefix:
      return 2;
    case Mask::Kind::shared_question:
      return std::int64_t{2} + std::min(mask.answers, length);
  }
  return 0;
}

/// "sliding:4K" -> {"sliding", "4K"}.
std::vector<std::string> split_colons(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ':') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

Result<Token> parse_tokens(const std::string& text, const std::string& what, Token low,
                           Token high = max_tokens) {
  HSAP_TRY(const std::int64_t value, parse_size(text, what, low, high));
  return static_cast<Token>(value);
}

}  // namespace

Result<Mask> parse_mask(const std::string& text) {
  const std::vector<std::string> parts = split_colons(text);
  Mask mask;
  if (text == "causal") return mask;
  if (text == "full") {
    mask.kind = Mask::Kind::full;
    return mask;
  }
  if (parts[0] == "sliding" && parts.size() == 2) {
    mask.kind = Mask::Kind::sliding;
    HSAP_TRY(mask.window, parse_tokens(parts[1], "sliding window", 1));
    return mask;
  }
  if (parts[0] == "prefix" && parts.size() == 2) {
    mask.kind = Mask::Kind::prefix;
    HSAP_TRY(mask.prefix, parse_tokens(parts[1], "prefix", 0));
    return mask;
  }
  if (parts[0] == "shared_question" && parts.size() == 3) {
    mask.kind = Mask::Kind::shared_question;
    HSAP_TRY(mask.prefix, parse_tokens(parts[1], "shared question", 1));
    HSAP_TRY(mask.answers, parse_tokens(parts[2], "number of answers", 1, most_answers));
    return mask;
  }
  return bad_input("unknown mask", "'" + text + "'",
                   "causal, full, sliding:W, prefix:N or shared_question:N:A");
}

std::string to_string(const Mask& mask) {
  switch (mask.kind) {
    case Mask::Kind::causal:
      return "causal";
    case Mask::Kind::full:
      return "full";
    case Mask::Kind::sliding:
      return fmt::format("sliding:{}", mask.window);
    case Mask::Kind::prefix:
      return fmt::format("prefix:{}", mask.prefix);
    case Mask::Kind::shared_question:
      return fmt::format("shared_question:{}:{}", mask.prefix, mask.answers);
  }
  return {};
}

std::int64_t count_slices(const Mask& mask, const Batch& batch) {
  std::int64_t slices = 0;
  for (const Token length : batch.lengths) slices += count_slices(mask, length);
  return slices;
}

std::vector<Slice> lower(const Mask& mask, const Batch& batch) {
  std::vector<Slice> slices;
  Token begin = 0;
  for (const Token length : batch.lengths) {
    lower_document(mask, begin, begin + length, slices);
    begin += length;
  }
  return slices;
}

std::int64_t area(const Mask& mask, const Batch& batch) {
  std::int64_t total = 0;
  Token begin = 0;
  std::vector<Slice> slices;  // of one document at a time: a batch may have very many
  for (const Token length : batch.lengths) {
    slices.clear();
    lower_document(mask, begin, begin + length, slices);
    for (const Slice& slice : slices) total += area(slice);
    begin += length;
  }
  return total;
}

}  // namespace hsap
