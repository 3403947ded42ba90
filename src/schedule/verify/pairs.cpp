#include <fmt/format.h>

#include "schedule/verify/pair_sum.hpp"
#include "schedule/verify/stages.hpp"

namespace hsap::verifier {
namespace {

bool attends_pairs(const Operation& op) {
  return op.kind == Kind::attend || op.kind == Kind::attend_backward;
}

std::vector<Band> mask_bands(const Problem& problem) {
  std::vector<Band> bands;
  for (const Slice& slice : lower(problem.mask, problem.batch)) bands.push_back(band_of(slice));
  return bands;
}

Residue sum_of(const PairSum& pair_sum, const std::vector<Band>& bands, const Window& window) {
  Residue sum;
  for (const Band& band : bands) sum = sum + pair_sum.of(restrict_to(band, window));
  return sum;
}

/// By query head: the sum over the pairs that the schedule attends.
std::vector<Residue> sums_by_head(const Schedule& schedule, const PairSum& pair_sum) {
  // Differences first: an operation counts from its first head to the one after its last.
  std::vector<Residue> sums(static_cast<std::size_t>(schedule.heads.query) + 1);
  for (const Operation& op : schedule.operations) {
    if (!attends_pairs(op)) continue;
    Residue sum;
    for (const Slice& slice : schedule.slices_of(op)) sum = sum + pair_sum.of(band_of(slice));
    sums[op.heads.begin] = sums[op.heads.begin] + sum;
    sums[op.heads.end] = sums[op.heads.end] - sum;
  }
  for (std::size_t head = 1; head < sums.size(); ++head) sums[head] = sums[head] + sums[head - 1];
  sums.pop_back();
  return sums;
}

/// Finds and words the first pair of one head that is not attended as the mask wants. Halves the
/// queries, then the keys, keeping the first half whose sum is wrong.
class Culprit {
 public:
  Culprit(const Subject& subject, const PairSum& pair_sum, std::vector<Band> mask, int head)
      : subject_(subject), pair_sum_(pair_sum), mask_(std::move(mask)), head_(head) {
    for (const Operation& op : subject.schedule.operations) {
      if (!sees_head(op)) continue;
      for (const Slice& slice : subject.schedule.slices_of(op)) {
        attended_.push_back(band_of(slice));
        // One slice named twice is a pair attended twice: enough, and it bounds the memory.
        if (attended_.size() > subject.schedule.slices.size()) return;
      }
    }
  }

  [[nodiscard]] Finding find() const {
    const Token tokens = subject_.schedule.tokens;
    Window window{0, tokens, 0, tokens};
    narrow(window, window.query_begin, window.query_end);
    narrow(window, window.key_begin, window.key_end);
    return describe(window.query_begin, window.key_begin);
  }

 private:
  [[nodiscard]] bool sees_head(const Operation& op) const {
    return attends_pairs(op) && op.heads.begin <= head_ && head_ < op.heads.end;
  }

  [[nodiscard]] bool differs(const Window& window) const {
    return !(sum_of(pair_sum_, attended_, window) == sum_of(pair_sum_, mask_, window));
  }

  /// begin and end are members of window.
  void narrow(Window& window, Token& begin, Token& end) const {
    while (end - begin > 1) {
      const Token whole_end = end;
      const Token middle = begin + (end - begin) / 2;
      end = middle;
      if (differs(window)) continue;
      begin = middle;
      end = whole_end;
    }
  }

  [[nodiscard]] std::string token_text(std::string_view what, Token token) const {
    std::size_t document = 0;
    std::int64_t end = 0;
    for (const Token length : subject_.problem.batch.lengths) {
      end += length;
      if (token < end) break;
      ++document;
    }
    return fmt::format("{} {} of document {}", what, token, document);
  }

  [[nodiscard]] Finding describe(Token query, Token key) const {
    std::vector<Index> attending;
    const Schedule& schedule = subject_.schedule;
    for (Index at = 0; at < schedule.operations.size() && attending.size() < 2; ++at) {
      if (!sees_head(schedule.operations[at])) continue;
      for (const Slice& slice : schedule.slices_of(schedule.operations[at])) {
        if (attends(slice, query, key)) attending.push_back(at);
      }
    }
    const std::string pair =
        fmt::format("{} and {}", token_text("query", query), token_text("key", key));
    if (attending.empty()) {
      return flawed(Flaw::wrong_pairs, fmt::format("head {}: {} never meet", head_, pair));
    }
    if (attending.size() > 1) {
      return flawed(Flaw::wrong_pairs,
                    fmt::format("head {}: {} meet twice, in #{} and #{}", head_, pair, attending[0],
                                attending[1]),
                    attending[1]);
    }
    return flawed(Flaw::wrong_pairs,
                  fmt::format("head {}: {} meet and the mask forbids it", head_, pair),
                  attending[0]);
  }

  const Subject& subject_;
  const PairSum& pair_sum_;
  std::vector<Band> mask_;
  std::vector<Band> attended_;
  int head_;
};

}  // namespace

Found check_pairs(const Subject& subject) {
  const Schedule& schedule = subject.schedule;
  const PairSum pair_sum(schedule.tokens, subject.positions.stride());
  std::vector<Band> mask = mask_bands(subject.problem);
  const Residue wanted = sum_of(pair_sum, mask, {0, schedule.tokens, 0, schedule.tokens});
  const std::vector<Residue> sums = sums_by_head(schedule, pair_sum);
  for (std::size_t head = 0; head < sums.size(); ++head) {
    if (sums[head] == wanted) continue;
    return Culprit(subject, pair_sum, std::move(mask), static_cast<int>(head)).find();
  }
  return {};
}

}  // namespace hsap::verifier
