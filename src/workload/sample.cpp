#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "hsap/trace.hpp"
#include "workload/random.hpp"

namespace hsap {
namespace {

constexpr std::int64_t max_drawn = std::int64_t{1} << 24;

/// Draws the lengths of a list in random order, and again when all are used up: a Fisher-Yates
/// shuffle that goes only as far as it is asked to.
class ListSource {
 public:
  explicit ListSource(const Trace& trace) : lengths_(trace.lengths) {}

  Token draw(Random& random) {
    const std::size_t other = used_ + random.below(lengths_.size() - used_);
    std::swap(lengths_[used_], lengths_[other]);
    const Token length = lengths_[used_];
    used_ = (used_ + 1) % lengths_.size();
    return length;
  }

 private:
  std::vector<Token> lengths_;
  std::size_t used_ = 0;
};

/// Draws a bin by count, then a length inside it.
class HistogramSource {
 public:
  explicit HistogramSource(const Trace& trace) : bins_(trace.bins) {
    double sum = 0;
    for (const Trace::Bin& bin : bins_) cumulative_.push_back(sum += bin.count);
  }

  Token draw(Random& random) {
    const double at = random.unit() * cumulative_.back();
    const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), at);
    // Rounding may put `at` on the total itself.
    const auto index = std::min<std::ptrdiff_t>(found - cumulative_.begin(),
                                                static_cast<std::ptrdiff_t>(bins_.size()) - 1);
    const Trace::Bin& bin = bins_[static_cast<std::size_t>(index)];
    return static_cast<Token>(random.log_uniform(bin.low, bin.high));
  }

 private:
  std::vector<Trace::Bin> bins_;
  std::vector<double> cumulative_;
};

Error misfit(const Trace& trace, Token context) {
  return bad_input("hardly a document of the trace fits the context",
                   fmt::format("none of 1000000 drawn from '{}'", trace.name),
                   fmt::format("documents of at most {} tokens, or sequential packing", context));
}

/// Documents that hold at least `tokens` tokens together.
template <typename Source>
Result<std::vector<Token>> draw_documents(const Trace& trace, Source source, std::int64_t tokens,
                                          const SampleOptions& options, Random& random) {
  constexpr int patience = 1'000'000;
  std::vector<Token> drawn;
  int misfits = 0;
  for (std::int64_t held = 0; held < tokens;) {
    const Token length = source.draw(random);
    if (options.packing == Packing::best_fit && length > options.context) {
      if (++misfits == patience) return misfit(trace, options.context);
      continue;
    }
    misfits = 0;
    held += length;
    drawn.push_back(length);
    if (static_cast<std::int64_t>(drawn.size()) > max_drawn) {
      return bad_input("too many documents to draw", fmt::format("{} tokens wanted", tokens),
                       fmt::format("at most {} documents", max_drawn));
    }
  }
  return drawn;
}

Status check_options(const Trace& trace, const SampleOptions& options) {
  constexpr int max_batches = 1 << 20;
  if (options.batches < 1 || options.batches > max_batches) {
    return bad_input("bad number of batches", fmt::format("{}", options.batches),
                     fmt::format("from 1 to {}", max_batches));
  }
  if (options.context < 1 || options.context > max_tokens) {
    return bad_input("bad context", fmt::format("{}", options.context),
                     fmt::format("from 1 to {} tokens", max_tokens));
  }
  if (trace.lengths.empty() && trace.bins.empty()) {
    return bad_input("an empty trace", "no lengths", "at least one document length");
  }
  return {};
}

}  // namespace

Result<std::vector<Batch>> sample(const Trace& trace, const SampleOptions& options) {
  HSAP_CHECK(check_options(trace, options));
  const std::int64_t tokens = std::int64_t{options.context} * options.batches;
  Random random(options.seed);
  HSAP_TRY(std::vector<Token> documents,
           trace.bins.empty()
               ? draw_documents(trace, ListSource(trace), tokens, options, random)
               : draw_documents(trace, HistogramSource(trace), tokens, options, random));
  if (options.packing == Packing::sequential) {
    // The last document may be far longer than what is missing.
    const std::int64_t drawn = std::accumulate(documents.begin(), documents.end(), std::int64_t{0});
    documents.back() -= static_cast<Token>(drawn - tokens);
  }
  HSAP_TRY(std::vector<Batch> batches, pack(documents, options.context, options.packing));
  const auto wanted = static_cast<std::size_t>(options.batches);
  // Best fit begins with the longest documents: any of its batches, not the first ones.
  for (std::size_t i = 0; options.packing == Packing::best_fit && i < wanted; ++i) {
    std::swap(batches[i], batches[i + random.below(batches.size() - i)]);
  }
  batches.resize(wanted);
  return batches;
}

}  // namespace hsap
