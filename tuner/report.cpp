#include "tuner/report.hpp"

#include <fmt/format.h>

#include <array>

#include "base/units.hpp"
#include "cli/table.hpp"
#include "tuner/why.hpp"

namespace hsap {
namespace {

using cli::Style;
using cli::Table;

std::string counts(const Search& search) {
  std::array<int, 5> by_outcome{};
  for (const Candidate& candidate : search.candidates) {
    ++by_outcome[static_cast<std::size_t>(candidate.outcome)];
  }
  const auto count = [&](Outcome outcome) { return by_outcome[static_cast<std::size_t>(outcome)]; };
  const int unwanted = count(Outcome::unwanted);
  return fmt::format(
      "{} strategies: {} predicted in full, {} pruned by bounds, {} illegal, {}{} beyond the {} of "
      "memory that a rank may use\n",
      search.candidates.size(), count(Outcome::feasible), count(Outcome::pruned),
      count(Outcome::illegal),
      unwanted > 0 ? fmt::format("{} beyond the trainer's options, ", unwanted) : "",
      count(Outcome::out_of_memory), format_bytes(static_cast<double>(search.memory_limit_bytes)));
}

std::string section(const std::string& title, const std::vector<std::string>& sentences,
                    bool color) {
  std::string text = cli::heading(title, color);
  for (const std::string& sentence : sentences) text += "  - " + sentence + "\n";
  return text;
}

void add_row(Table& table, const char* what, const Candidate& candidate, Style style) {
  const Figures& figures = *candidate.figures;
  const AttentionTimes& attention = figures.attention;
  table.add({what, to_string(candidate.strategy), std::to_string(candidate.replicas),
             format_seconds(candidate.seconds), fmt::format("{:.0f}", candidate.tokens_per_s),
             figures.step ? fmt::format("{:.1f} %", 100 * figures.step->mfu) : "-",
             format_seconds(attention.forward_s + attention.backward_s),
             format_seconds(attention.exposed_communication_s),
             format_bytes(static_cast<double>(candidate.peak_bytes))},
            style);
}

Table empty_table(const Search& search) {
  using Align = Table::Align;
  return Table({{"", Align::left},
                {"strategy", Align::left},
                {"replicas", Align::right},
                {search.whole_step ? "step" : "time", Align::right},
                {"tokens/s", Align::right},
                {"MFU", Align::right},
                {"attention", Align::right},
                {"exposed", Align::right},
                {"memory", Align::right}});
}

}  // namespace

std::string search_report(const Search& search, bool color) {
  std::string text = counts(search);
  if (!search.best) return text;
  Table table = empty_table(search);
  add_row(table, "best", search.candidates[*search.best], Style::good);
  for (const std::size_t index : search.runners_up) {
    add_row(table, "", search.candidates[index], Style::plain);
  }
  for (const std::size_t index : search.pareto) {
    if (index != *search.best) add_row(table, "less memory", search.candidates[index], Style::dim);
  }
  text += table.text(color);
  text += section("Why", search.why, color);
  const std::vector<std::string> left_out = frequent_reasons(search, 5);
  return left_out.empty() ? text : text + section("Left out", left_out, color);
}

}  // namespace hsap
