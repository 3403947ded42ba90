#include "apps/sim/notes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "export/basis_text.hpp"

namespace hsap {
namespace {

using Words = std::vector<std::string_view>;

Words words_of(std::string_view sentence) {
  Words words;
  while (true) {
    const std::size_t end = sentence.find(' ');
    words.push_back(sentence.substr(0, end));
    if (end == std::string_view::npos) return words;
    sentence.remove_prefix(end + 1);
  }
}

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

/// The number of a word that is a share, since a percent sign follows, or a ratio.
std::string_view varying(const Words& words, std::size_t i) {
  const std::string_view word = words[i];
  const bool share = i + 1 < words.size() && words[i + 1].starts_with('%');
  const bool ratio = word.ends_with('x');
  const std::string_view number = ratio ? word.substr(0, word.size() - 1) : word;
  return (share || ratio) && number_of(number) ? number : std::string_view{};
}

/// A sentence without its shares and ratios.
std::string skeleton(std::string_view sentence) {
  const Words words = words_of(sentence);
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    text += varying(words, i).empty() ? words[i] : "#";
    text += ' ';
  }
  return text;
}

/// Sentences of one skeleton as one.
std::string in_one(std::span<const std::string_view> sentences) {
  std::vector<Words> all;
  for (const std::string_view sentence : sentences) all.push_back(words_of(sentence));
  std::vector<std::string> out;
  for (std::size_t i = 0; i < all.front().size(); ++i) {
    std::string word(all.front()[i]);
    if (!varying(all.front(), i).empty()) {
      const auto [least, most] =
          std::minmax_element(all.begin(), all.end(), [i](const Words& a, const Words& b) {
            return *number_of(varying(a, i)) < *number_of(varying(b, i));
          });
      const std::string_view low = varying(*least, i);
      if (low != varying(*most, i)) word = fmt::format("{} to {}", low, (*most)[i]);
    }
    out.push_back(std::move(word));
  }
  return fmt::format("{}", fmt::join(out, " "));
}

}  // namespace

std::string limits_of(std::span<const BatchPrediction> batches) {
  std::map<std::string, std::vector<std::string_view>> kinds;
  for (const BatchPrediction& batch : batches) kinds[skeleton(batch.limit)].push_back(batch.limit);
  std::vector<std::span<const std::string_view>> sorted;
  sorted.reserve(kinds.size());
  for (const auto& [kind, sentences] : kinds) sorted.emplace_back(sentences);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  std::string text;
  for (const std::span<const std::string_view> sentences : sorted) {
    const std::string batch =
        batches.size() == 1 ? ""
                            : fmt::format(" ({} of {} batches)", sentences.size(), batches.size());
    text += fmt::format("Limit{}: {}\n", batch, in_one(sentences));
  }
  return text;
}

std::string beyond_calibration(std::span<const SimRun> runs) {
  std::vector<std::vector<Basis>> lists;
  for (const SimRun& run : runs) {
    for (const BatchPrediction& batch : run.prediction.batches) lists.push_back(batch.basis);
  }
  std::map<std::string, std::vector<std::string>> numbers;  // by why they are no better
  for (const Basis& basis : joined(lists)) {
    if (basis.kind == Basis::Kind::calibrated) continue;
    numbers[fmt::format("{}: {}", to_string(basis.kind), why(basis))].push_back(basis.number);
  }
  std::string text;
  for (const auto& [how, names] : numbers) {
    text += fmt::format("  {}, {}\n", fmt::join(names, ", "), how);
  }
  return text.empty() ? text : "Not calibrated for this\n" + text;
}

}  // namespace hsap
