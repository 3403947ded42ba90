#include "tuner/ranking.hpp"

#include <algorithm>

namespace hsap {
namespace {

std::tuple<int, int, Exchange, Layout> family_of(const Strategy& strategy) {
  return {strategy.ulysses, strategy.context_parallel, strategy.exchange, strategy.layout};
}

double attention_s(const Candidate& candidate) {
  const AttentionTimes& attention = candidate.figures->attention;
  return attention.forward_s + attention.backward_s;
}

}  // namespace

std::string method_of(const Strategy& strategy) {
  if (strategy.context_parallel > 1) return std::string(to_string(strategy.exchange));
  return strategy.ulysses > 1 ? "ulysses" : "data parallel";
}

bool Ranking::better(std::size_t a, std::size_t b) const {
  const auto merit = [this](std::size_t index) {
    const Candidate& candidate = candidates_[index];
    return std::tuple(-candidate.tokens_per_s, attention_s(candidate), index);
  };
  return merit(a) < merit(b);
}

template <typename Key>
void Ranking::keep_best(std::map<Key, std::size_t>& best, const Key& key, std::size_t index) {
  const auto [at, fresh] = best.emplace(key, index);
  if (!fresh && better(index, at->second)) at->second = index;
}

template <typename Key>
std::vector<std::size_t> Ranking::sorted(const std::map<Key, std::size_t>& best) const {
  std::vector<std::size_t> out;
  out.reserve(best.size());
  for (const auto& [key, index] : best) out.push_back(index);
  std::sort(out.begin(), out.end(), [this](auto a, auto b) { return better(a, b); });
  return out;
}

void Ranking::add(std::size_t index) {
  keep_best(families_, family_of(candidates_[index].strategy), index);
  keep_best(methods_, method_of(candidates_[index].strategy), index);
  feasible_.push_back(index);
}

bool Ranking::dominated(const Candidate& candidate) const {
  return std::any_of(feasible_.begin(), feasible_.end(), [&](std::size_t index) {
    const Candidate& other = candidates_[index];
    return other.tokens_per_s > candidate.tokens_per_s && other.peak_bytes <= candidate.peak_bytes;
  });
}

bool Ranking::may_matter(const Candidate& candidate) const {
  if (!dominated(candidate)) return true;
  const auto beats = [&](std::size_t index) {
    return candidate.tokens_per_s >= candidates_[index].tokens_per_s;
  };
  const auto family = families_.find(family_of(candidate.strategy));
  if (family != families_.end() && !beats(family->second)) return false;
  const auto method = methods_.find(method_of(candidate.strategy));
  if (method == methods_.end() || beats(method->second)) return true;
  const std::vector<std::size_t> best = leaders();
  return best.size() <= static_cast<std::size_t>(top_) || beats(best.back());
}

std::vector<std::size_t> Ranking::leaders() const {
  std::vector<std::size_t> best = sorted(families_);
  best.resize(std::min(best.size(), static_cast<std::size_t>(top_) + 1));
  return best;
}

std::vector<std::size_t> Ranking::pareto() const {
  std::vector<std::size_t> by_time = feasible_;
  std::sort(by_time.begin(), by_time.end(), [this](auto a, auto b) {
    const Candidate& x = candidates_[a];
    const Candidate& y = candidates_[b];
    return std::tuple(-x.tokens_per_s, x.peak_bytes, a) <
           std::tuple(-y.tokens_per_s, y.peak_bytes, b);
  });
  std::vector<std::size_t> out;
  for (const std::size_t index : by_time) {
    const bool smaller =
        out.empty() || candidates_[index].peak_bytes < candidates_[out.back()].peak_bytes;
    if (smaller) out.push_back(index);
  }
  return out;
}

std::vector<std::size_t> Ranking::best_of_methods() const { return sorted(methods_); }

}  // namespace hsap
