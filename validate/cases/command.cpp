#include "validate/cases/command.hpp"

#include <fmt/format.h>

#include <cmath>

#include "base/units.hpp"
#include "cli/flags.hpp"
#include "cli/output.hpp"
#include "cli/table.hpp"
#include "export/json/text.hpp"
#include "validate/cases/statistics.hpp"

namespace hsap {
namespace {

using cases::CaseFile;
using cases::Outcome;
using cases::Statistics;
using cli::Table;

/// One file with its predictions.
struct Compared {
  CaseFile file;
  std::vector<Outcome> outcomes;
};

Result<double> parse_share(const std::string& text) {
  HSAP_TRY(const double value, parse_number(text, "MAPE"));
  if (value > 0) return value;
  return bad_input("MAPE out of range", "'" + text + "'", "percent, above 0");
}

std::string percent(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.1f} %", 100 * share);
}

json::Ordered number(double value) {
  return std::isnan(value) ? json::Ordered(nullptr) : json::Ordered(value);
}

json::Ordered to_json(const Statistics& s) {
  return {{"group", s.group},
          {"cases", s.cases},
          {"mape", s.mape},
          {"median_error", s.median},
          {"p90_error", s.p90},
          {"bias", s.bias},
          {"kendall_tau", number(s.tau)}};
}

json::Ordered to_json(const Compared& compared) {
  json::Ordered list = json::Ordered::array();
  for (const Outcome& outcome : compared.outcomes) {
    const bool memory = outcome.item->quantity == cases::Quantity::peak_bytes;
    const std::string unit = memory ? "peak_bytes" : "s";
    json::Ordered item = {{"name", outcome.item->name},
                          {"group", outcome.item->group},
                          {"measured_" + unit, outcome.item->measured},
                          {"predicted_" + unit, outcome.predicted},
                          {"error", outcome.error()}};
    if (!outcome.item->note.empty()) item["note"] = outcome.item->note;
    list.push_back(std::move(item));
  }
  json::Ordered groups = json::Ordered::array();
  for (const Statistics& s : cases::by_group(compared.outcomes)) groups.push_back(to_json(s));
  json::Ordered setup = json::Ordered::object();
  for (const auto& [key, value] : compared.file.setup) setup[key] = value;
  return {{"file", compared.file.path},
          {"source", compared.file.source},
          {"setup", std::move(setup)},
          {"cluster", compared.file.cluster_name},
          {"runtime", compared.file.runtime.name},
          {"cases", std::move(list)},
          {"statistics", std::move(groups)}};
}

std::string each_table(const Compared& compared, bool color) {
  Table table({{"case"},
               {"group"},
               {"measured", Table::Align::right},
               {"predicted", Table::Align::right},
               {"error", Table::Align::right},
               {"note"}});
  for (const Outcome& outcome : compared.outcomes) {
    const bool memory = outcome.item->quantity == cases::Quantity::peak_bytes;
    const auto text = [&](double value) {
      return memory ? format_bytes(value) : format_seconds(value);
    };
    table.add({outcome.item->name, outcome.item->group, text(outcome.item->measured),
               text(outcome.predicted), fmt::format("{:+.1f} %", 100 * outcome.error()),
               outcome.item->note});
  }
  return table.text(color);
}

Table statistics_table() {
  return Table({{"group"},
                {"cases", Table::Align::right},
                {"MAPE", Table::Align::right},
                {"median", Table::Align::right},
                {"90 % within", Table::Align::right},
                {"bias", Table::Align::right},
                {"Kendall tau", Table::Align::right}});
}

void add_row(Table& table, const Statistics& s) {
  table.add({s.group, std::to_string(s.cases), percent(s.mape), percent(s.median), percent(s.p90),
             fmt::format("{:+.1f} %", 100 * s.bias),
             std::isnan(s.tau) ? "-" : fmt::format("{:.2f}", s.tau)});
}

std::string report(const Compared& compared, bool each, bool color) {
  std::string text =
      fmt::format("{}: cluster {}, runtime {}\n{}\n", compared.file.path,
                  compared.file.cluster_name, compared.file.runtime.name, compared.file.source);
  for (const auto& [key, value] : compared.file.setup) text += fmt::format("{}: {}\n", key, value);
  if (each) text += each_table(compared, color);
  Table table = statistics_table();
  for (const Statistics& s : cases::by_group(compared.outcomes)) add_row(table, s);
  return text + table.text(color) + "\n";
}

}  // namespace

void CasesCommand::add(cli::Command& app) {
  cli::Command command =
      app.add_subcommand("cases", "compare measured runs with their predictions");
  command.add_option("FILE", files_, "measured cases (hsap.cases/1)").required();
  command.add_flag("--each", each_, "print every case, not only the groups");
  cli::add_parsed(command, "--max-mape", max_mape_, parse_share, "PERCENT",
                  "exit with 1 when the mean error over all cases is larger");
  cli::add_threads(command, out_);
  cli::add_output(command, out_);
}

Status CasesCommand::run() const {
  const cli::OutputFile json{"--json", out_.json};
  HSAP_CHECK(cli::check_outputs({&json, 1}, out_.force));
  std::vector<Compared> all;
  std::vector<Outcome> outcomes;
  for (const std::string& path : files_) {
    Compared& compared = all.emplace_back();
    HSAP_TRY(compared.file, cases::read_cases(path));
    HSAP_TRY(compared.outcomes, cases::predict_all(compared.file, out_.threads));
    outcomes.insert(outcomes.end(), compared.outcomes.begin(), compared.outcomes.end());
  }
  const Statistics overall = cases::statistics("all files", outcomes);
  if (!json.path.empty()) {
    json::Ordered files = json::Ordered::array();
    for (const Compared& compared : all) files.push_back(to_json(compared));
    HSAP_CHECK(cli::write_output(json,
                                 json_text({{"schema", "hsap.accuracy/1"},
                                            {"files", std::move(files)},
                                            {"overall", to_json(overall)}}),
                                 out_.force));
  }
  if (!out_.quiet && !cli::takes_stdout({&json, 1})) {
    const bool color = cli::wants_color(out_.color);
    std::string text;
    for (const Compared& compared : all) text += report(compared, each_, color);
    if (all.size() > 1) {
      Table table = statistics_table();
      add_row(table, overall);
      text += table.text(color);
    }
    HSAP_CHECK(cli::print_stdout(text));
  }
  if (max_mape_ == 0 || 100 * overall.mape <= max_mape_) return {};
  return infeasible(fmt::format("mean error {} of {} cases, more than {} %", percent(overall.mape),
                                overall.cases, max_mape_));
}

}  // namespace hsap
