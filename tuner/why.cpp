#include "tuner/why.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/units.hpp"
#include "tuner/ranking.hpp"

namespace hsap {
namespace {

/// Differences smaller than this say nothing.
constexpr double material = 0.05;

bool differs(double a, double b) { return std::abs(a - b) > material * std::max(a, b); }

double exposed_share(const Figures& figures) {
  const double attention = figures.attention.forward_s + figures.attention.backward_s;
  return attention > 0 ? figures.attention.exposed_communication_s / attention : 0;
}

/// A kind of waiting, in the words of the reasons.
struct Waiting {
  const char* part;  ///< of the step's breakdown
  const char* who;
  const char* what;
};
constexpr Waiting waitings[] = {{waiting_for_replicas, "replicas wait", "for the slowest"},
                                {waiting_for_host, "GPUs wait", "for the host"}};

/// Of a step.
double share_of(const Waiting& waiting, const Figures& figures) {
  if (!figures.step) return 0;
  const auto& parts = figures.step->breakdown;
  const auto found = std::find_if(parts.begin(), parts.end(),
                                  [&](const auto& part) { return part.first == waiting.part; });
  return found == parts.end() ? 0 : found->second / figures.step->seconds;
}

/// What the seconds are of: a step, or one layer's attention.
const char* unit_of(const Search& search) { return search.whole_step ? "step" : "layer"; }

std::string describe_best(const Search& search, const Candidate& best) {
  const Figures& figures = *best.figures;
  const double attention = figures.attention.forward_s + figures.attention.backward_s;
  const double over = figures.bound.total_s > 0 ? attention / figures.bound.total_s : 0;
  std::string text = fmt::format("{}: {} a {}, {:.0f} tokens/s", to_string(best.strategy),
                                 format_seconds(best.seconds), unit_of(search), best.tokens_per_s);
  if (over > 0) text += fmt::format("; attention takes {:.2f} times its bound", over);
  for (const Waiting& waiting : waitings) {
    const double share = share_of(waiting, figures);
    if (share <= material) continue;
    text += fmt::format("; {} {:.0f} % of the step {}", waiting.who, 100 * share, waiting.what);
  }
  return figures.limit.empty() ? text : text + "; limited by " + figures.limit;
}

/// The parts in which a rival differs materially from the best.
std::vector<std::string> differences(const Candidate& best, const Candidate& rival) {
  const AttentionTimes& mine = best.figures->attention;
  const AttentionTimes& theirs = rival.figures->attention;
  std::vector<std::string> parts;
  // Bytes of all ranks of one group; groups differ in number, so compare the whole cluster's.
  const auto bytes = [&](const char* what, std::int64_t a, std::int64_t b) {
    const double other = static_cast<double>(a) * rival.replicas;
    const double ours = static_cast<double>(b) * best.replicas;
    if (!differs(ours, other)) return;
    parts.push_back(
        fmt::format("{} {} a layer against {}", what, format_bytes(other), format_bytes(ours)));
  };
  bytes("sends", theirs.bytes_sent, mine.bytes_sent);
  bytes("between nodes", theirs.bytes_sent_inter_node, mine.bytes_sent_inter_node);
  const double my_share = exposed_share(*best.figures);
  const double their_share = exposed_share(*rival.figures);
  if (std::abs(my_share - their_share) > material / 2) {
    parts.push_back(fmt::format("exposed communication {:.0f} % of attention against {:.0f} %",
                                100 * their_share, 100 * my_share));
  }
  for (const Waiting& waiting : waitings) {
    const double ours = share_of(waiting, *best.figures);
    const double others = share_of(waiting, *rival.figures);
    if (std::abs(ours - others) <= material / 2) continue;
    parts.push_back(fmt::format("{} {:.0f} % of a step {} against {:.0f} %", waiting.who,
                                100 * others, waiting.what, 100 * ours));
  }
  if (differs(mine.imbalance, theirs.imbalance)) {
    parts.push_back(fmt::format("slowest rank {:.2f} times the mean work against {:.2f}",
                                theirs.imbalance, mine.imbalance));
  }
  if (differs(static_cast<double>(best.peak_bytes), static_cast<double>(rival.peak_bytes))) {
    parts.push_back(fmt::format("peak memory {} against {}",
                                format_bytes(static_cast<double>(rival.peak_bytes)),
                                format_bytes(static_cast<double>(best.peak_bytes))));
  }
  return parts;
}

std::string compare(const Candidate& best, const Candidate& rival) {
  const double slower = 100 * (best.tokens_per_s / rival.tokens_per_s - 1);
  std::string text = fmt::format("best {} ({}) {}", method_of(rival.strategy),
                                 to_string(rival.strategy), compared(slower));
  const std::vector<std::string> parts = differences(best, rival);
  return parts.empty() ? text : text + ": " + fmt::format("{}", fmt::join(parts, ", "));
}

/// The group sizes of which no candidate fits, with the least memory that one needs.
std::optional<std::string> sizes_that_do_not_fit(const Search& search) {
  std::map<int, std::int64_t> least;
  std::set<int> fitting;
  for (const Candidate& candidate : search.candidates) {
    const int ranks = candidate.strategy.ranks();
    if (candidate.outcome == Outcome::out_of_memory) {
      const auto [at, fresh] = least.emplace(ranks, candidate.peak_bytes);
      if (!fresh) at->second = std::min(at->second, candidate.peak_bytes);
    } else if (candidate.outcome == Outcome::feasible || candidate.outcome == Outcome::pruned) {
      fitting.insert(ranks);
    }
  }
  std::vector<int> sizes;
  std::int64_t bytes = std::numeric_limits<std::int64_t>::max();
  for (const auto& [ranks, needed] : least) {
    if (fitting.count(ranks) > 0) continue;
    sizes.push_back(ranks);
    bytes = std::min(bytes, needed);
  }
  if (sizes.empty()) return std::nullopt;
  return fmt::format("groups of {} do not fit: a rank needs at least {} of {}",
                     fmt::join(sizes, ", "), format_bytes(static_cast<double>(bytes)),
                     format_bytes(static_cast<double>(search.memory_limit_bytes)));
}

/// Numbers replaced by "N", so that reasons of one kind are equal.
std::string kind_of(const std::string& reason) {
  std::string out;
  for (const char c : reason) {
    const bool digit = (c >= '0' && c <= '9') || (c == '.' && !out.empty() && out.back() == 'N');
    if (!digit) {
      out += c;
    } else if (out.empty() || out.back() != 'N') {
      out += 'N';
    }
  }
  return out;
}

}  // namespace

std::string compared(double percent_slower) {
  if (percent_slower < 0.05) return "is as fast";
  return fmt::format("takes {:.1f} % longer a token", percent_slower);
}

std::vector<std::string> frequent_reasons(const Search& search, std::size_t most) {
  struct Tally {
    int count = 0;
    const Candidate* nearest = nullptr;  ///< to a limit of memory, where that is the reason
    [[nodiscard]] bool unwanted() const { return nearest->outcome == Outcome::unwanted; }
  };
  std::map<std::string, Tally> tallies;
  for (const Candidate& candidate : search.candidates) {
    if (candidate.outcome == Outcome::feasible || candidate.outcome == Outcome::pruned) continue;
    Tally& tally = tallies[kind_of(candidate.reason)];
    if (tally.count++ == 0 || candidate.peak_bytes < tally.nearest->peak_bytes) {
      tally.nearest = &candidate;
    }
  }
  std::vector<Tally> sorted;
  sorted.reserve(tallies.size());
  for (const auto& [kind, tally] : tallies) sorted.push_back(tally);
  // What was not wanted says least about why the rest does not do.
  std::stable_sort(sorted.begin(), sorted.end(), [](const Tally& a, const Tally& b) {
    return std::pair(a.unwanted(), -a.count) < std::pair(b.unwanted(), -b.count);
  });
  std::vector<std::string> out;
  for (std::size_t i = 0; i < std::min(most, sorted.size()); ++i) {
    const char* noun = sorted[i].count == 1 ? "strategy, " : "strategies, such as ";
    const Candidate& example = *sorted[i].nearest;
    out.push_back(fmt::format("{} {}{}: {}", sorted[i].count, noun, to_string(example.strategy),
                              example.reason));
  }
  return out;
}

std::vector<std::string> reasons(const Search& search,
                                 std::span<const std::size_t> best_of_methods) {
  if (!search.best) return frequent_reasons(search, 5);
  const Candidate& best = search.candidates[*search.best];
  std::vector<std::string> out{describe_best(search, best)};
  for (const std::size_t index : best_of_methods) {
    const Candidate& rival = search.candidates[index];
    if (method_of(rival.strategy) == method_of(best.strategy)) continue;
    out.push_back(compare(best, rival));
  }
  if (auto sizes = sizes_that_do_not_fit(search)) out.push_back(*std::move(sizes));
  return out;
}

}  // namespace hsap
