#include "validate/probe/check.hpp"

#include <fmt/format.h>

#include "cli/table.hpp"

namespace hsap {
namespace {

using cli::Style;
using cli::Table;

std::vector<TensorError> errors_of(const Problem& problem, const std::vector<Role>& roles,
                                   const Tensors& truth, const Tensors& found) {
  std::vector<TensorError> errors;
  errors.reserve(roles.size());
  for (const Role role : roles) {
    errors.push_back(compare(problem, role, truth[role], found[role]));
  }
  return errors;
}

void add_errors(Table& table, const char* against, const std::vector<TensorError>& errors,
                double tolerance) {
  for (const TensorError& error : errors) {
    const bool good = error.relative <= tolerance;
    table.add({std::string(to_string(error.role)), against, fmt::format("{:.2e}", error.relative),
               fmt::format("{:.0e}", tolerance), number_text(error.worst), good ? "ok" : "FAIL"},
              good ? Style::plain : Style::bad);
  }
}

json::Ordered to_json(const std::vector<TensorError>& errors) {
  json::Ordered list = json::Ordered::array();
  for (const TensorError& error : errors) {
    list.push_back({{"tensor", to_string(error.role)},
                    {"relative_error", error.relative},
                    {"worst", to_json(error.worst)}});
  }
  return list;
}

}  // namespace

std::string number_text(const Number& number) {
  return fmt::format("token {} (document {}), head {}", number.token, number.document, number.head);
}

std::string leak_text(const Leak& leak) {
  return fmt::format("document {} changes document {}: {} by {:.2e} at token {}, head {}",
                     leak.from, leak.to, to_string(leak.role), leak.change, leak.worst.token,
                     leak.worst.head);
}

json::Ordered to_json(const Number& number) {
  return {{"token", number.token}, {"head", number.head}, {"document", number.document}};
}

json::Ordered to_json(const Leak& leak) {
  return {{"from", leak.from},         {"to", leak.to},           {"tensor", to_string(leak.role)},
          {"token", leak.worst.token}, {"head", leak.worst.head}, {"change", leak.change}};
}

std::vector<std::string> ProbeReport::failures() const {
  std::vector<std::string> out;
  for (const TensorError& error : errors) {
    if (error.relative <= tolerance) continue;
    out.push_back(fmt::format("{} is wrong by {:.2e} at {}", to_string(error.role), error.relative,
                              number_text(error.worst)));
  }
  for (const Leak& leak : leaks) out.push_back(leak_text(leak));
  for (const int document : unchanged) {
    out.push_back(
        fmt::format("document {} was replaced and its outputs stayed the same", document));
  }
  for (const TensorError& error : permuted) {
    if (error.relative <= order_tolerance) continue;
    out.push_back(fmt::format("{} depends on the order of documents, by {:.2e} at {}",
                              to_string(error.role), error.relative, number_text(error.worst)));
  }
  return out;
}

ProbeReport judge(const Probe& probe, const std::vector<Role>& roles, const Answers& answers,
                  double tolerance, bool exact_order) {
  ProbeReport report;
  report.tolerance = tolerance;
  report.order_tolerance = exact_order ? 0 : tolerance;
  report.replaced = probe.replaced;
  Tensors truth = base_inputs(probe);
  reference_attention(probe.problem, truth);
  report.errors = errors_of(probe.problem, roles, truth, answers.base);
  for (std::size_t i = 0; i < probe.replaced.size(); ++i) {
    const int document = probe.replaced[i];
    const Tensors& other = answers.replaced[i];
    const std::vector<Leak> leaks = find_leaks(probe.problem, document, answers.base, other);
    report.leaks.insert(report.leaks.end(), leaks.begin(), leaks.end());
    if (!changed(probe.problem, document, answers.base, other)) {
      report.unchanged.push_back(document);
    }
  }
  report.permuted =
      errors_of(permuted_problem(probe), roles, permuted(probe, answers.base), answers.permuted);
  return report;
}

std::string probe_table(const ProbeReport& report, bool color) {
  Table table({{"tensor"},
               {"against"},
               {"error", Table::Align::right},
               {"tolerance", Table::Align::right},
               {"worst at"},
               {""}});
  add_errors(table, "float64 reference", report.errors, report.tolerance);
  add_errors(table, "base, permuted", report.permuted, report.order_tolerance);
  std::string out = table.text(color);
  out += fmt::format("\n{} documents replaced one at a time: {}\n", report.replaced.size(),
                     report.leaks.empty() ? "not a bit of another document changed" : "LEAKS");
  for (const Leak& leak : report.leaks) out += "  " + leak_text(leak) + "\n";
  return out;
}

json::Ordered probe_report_json(const ProbeReport& report) {
  json::Ordered root;
  root["schema"] = "hsap.probe_report/1";
  root["tolerance"] = report.tolerance;
  root["order_tolerance"] = report.order_tolerance;
  root["errors"] = to_json(report.errors);
  root["replaced"] = report.replaced;
  root["leaks"] = json::Ordered::array();
  for (const Leak& leak : report.leaks) root["leaks"].push_back(to_json(leak));
  root["unchanged"] = report.unchanged;
  root["permuted"] = to_json(report.permuted);
  root["failures"] = report.failures();
  return root;
}

}  // namespace hsap
