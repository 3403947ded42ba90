#include <fmt/format.h>

#include <algorithm>

#include "apps/plan/view.hpp"
#include "cli/table.hpp"
#include "hsap/compile.hpp"

namespace hsap::apps {
namespace {

/// How many documents have a token in the shard, whose intervals ascend.
std::size_t documents_in(const Intervals& shard, const std::vector<Token>& cu_seqlens) {
  std::size_t count = 0;
  std::ptrdiff_t seen = 0;  // documents before this one are counted
  for (const Interval& interval : shard) {
    const auto document_of = [&](Token token) {
      return std::upper_bound(cu_seqlens.begin(), cu_seqlens.end(), token) - cu_seqlens.begin();
    };
    const auto last = document_of(interval.end - 1);
    for (auto at = std::max(seen + 1, document_of(interval.begin)); at <= last; ++at) {
      // A stride may step over a short document.
      const auto end = cu_seqlens.begin() + at;
      if (!intersect(interval, {*(end - 1), *end, 1}).empty()) ++count;
    }
    seen = std::max(seen, last);
  }
  return count;
}

}  // namespace

std::string layout_summary(const Plan& plan, int batch, bool color) {
  using Align = cli::Table::Align;
  constexpr std::size_t most = 16;
  const Problem problem = problem_of(plan, batch);
  const std::vector<Token> cu_seqlens = problem.batch.cu_seqlens();
  const auto shards = shard_tokens(plan.strategy.layout, problem, plan.strategy.context_parallel);
  cli::Table table({{"shard", Align::right},
                    {"tokens", Align::right},
                    {"pieces", Align::right},
                    {"documents", Align::right},
                    {"first token", Align::right}});
  for (std::size_t c = 0; c < std::min(shards.size(), most); ++c) {
    const Intervals& shard = shards[c];
    table.add({std::to_string(c), std::to_string(tokens_in(shard)), std::to_string(shard.size()),
               std::to_string(documents_in(shard, cu_seqlens)),
               shard.empty() ? "-" : std::to_string(shard.front().begin)});
  }
  std::string text = fmt::format("  {} tokens in {} document(s)\n", problem.batch.tokens(),
                                 problem.batch.documents());
  text += table.text(color);
  if (shards.size() > most) text += fmt::format("  and {} more shards\n", shards.size() - most);
  return text;
}

}  // namespace hsap::apps
