#include "tuner/search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "cli/parallel.hpp"
#include "tuner/ranking.hpp"
#include "tuner/why.hpp"

namespace hsap {
namespace {

/// How many candidates are finished between two rounds of pruning. Fixed, so that what is pruned
/// does not depend on the number of threads.
constexpr std::size_t block_size = 16;

/// Runs the two rounds of a search over the candidates.
class Searcher {
 public:
  Searcher(Search& search, const Evaluator& evaluator, const TuneOptions& options,
           const TuneProgress& progress)
      : search_(search),
        evaluator_(evaluator),
        options_(options),
        progress_(progress),
        states_(search.candidates.size()),
        ranking_(search.candidates, options.top) {}

  void run() {
    std::vector<std::size_t> alive = feasible();
    total_ = alive.size() * evaluator_.batches();
    in_parallel(alive, [this](std::size_t index) { advance(index); });
    alive = feasible();
    sort_by_promise(alive);
    for (std::size_t begin = 0; begin < alive.size(); begin += block_size) {
      const std::size_t end = std::min(begin + block_size, alive.size());
      finish_block({alive.begin() + static_cast<std::ptrdiff_t>(begin),
                    alive.begin() + static_cast<std::ptrdiff_t>(end)});
    }
  }

  [[nodiscard]] const Ranking& ranking() const { return ranking_; }

 private:
  Candidate& candidate(std::size_t index) { return search_.candidates[index]; }
  [[nodiscard]] bool alive(std::size_t index) const {
    return search_.candidates[index].outcome == Outcome::feasible;
  }

  [[nodiscard]] std::vector<std::size_t> feasible() const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < search_.candidates.size(); ++i) {
      if (alive(i)) out.push_back(i);
    }
    return out;
  }

  /// Best limit first, so that good candidates prune the others.
  void sort_by_promise(std::vector<std::size_t>& indices) {
    std::stable_sort(indices.begin(), indices.end(), [this](std::size_t a, std::size_t b) {
      return candidate(a).tokens_per_s > candidate(b).tokens_per_s;
    });
  }

  void advance(std::size_t index) {
    evaluator_.advance(candidate(index), states_[index]);
    const std::lock_guard lock(mutex_);
    ++done_;
    if (progress_) progress_(done_, total_);
  }

  /// Whether the ranking, which rests while a block runs, proves that the candidate is beside the
  /// point.
  bool prune(std::size_t index) {
    if (options_.exhaustive || ranking_.may_matter(candidate(index))) return false;
    candidate(index).outcome = Outcome::pruned;
    candidate(index).reason = fmt::format("proved slower after {} of {} batches",
                                          states_[index].done.size(), evaluator_.batches());
    return true;
  }

  void finish(std::size_t index) {
    while (alive(index) && states_[index].done.size() < evaluator_.batches()) {
      if (!prune(index)) advance(index);
    }
    if (alive(index)) evaluator_.finish(candidate(index), states_[index]);
    const std::lock_guard lock(mutex_);
    done_ += evaluator_.batches() - states_[index].done.size();  // what need not be done counts
    states_[index] = {};
  }

  void finish_block(const std::vector<std::size_t>& block) {
    in_parallel(block, [this](std::size_t index) { finish(index); });
    for (const std::size_t index : block) {
      if (alive(index)) ranking_.add(index);
    }
  }

  template <typename Work>
  void in_parallel(const std::vector<std::size_t>& indices, const Work& work) {
    cli::parallel_for(options_.threads, indices.size(), [&](std::size_t i) { work(indices[i]); });
  }

  Search& search_;
  const Evaluator& evaluator_;
  const TuneOptions& options_;
  const TuneProgress& progress_;
  std::vector<Evaluator::State> states_;
  Ranking ranking_;
  std::mutex mutex_;  ///< of the progress
  std::size_t done_ = 0;
  std::size_t total_ = 0;
};

void conclude(Search& search, const Ranking& ranking) {
  search.runners_up = ranking.leaders();
  if (!search.runners_up.empty()) {
    search.best = search.runners_up.front();
    search.runners_up.erase(search.runners_up.begin());
  }
  search.pareto = ranking.pareto();
  search.why = reasons(search, ranking.best_of_methods());
}

}  // namespace

void run_search(Search& search, const Evaluator& evaluator, const TuneOptions& options,
                const TuneProgress& progress) {
  Searcher searcher(search, evaluator, options, progress);
  searcher.run();
  conclude(search, searcher.ranking());
}

}  // namespace hsap
