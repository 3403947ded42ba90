#include "validate/run/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/units.hpp"
#include "cli/table.hpp"
#include "validate/run/report_times.hpp"

namespace hsap::validation {
namespace {

using cli::Style;
using cli::Table;

std::string role_name(Role role) { return std::string(to_string(role)); }

std::string heading(const Validation& v) {
  const Problem& problem = v.problem;
  std::string text = fmt::format(
      "{} on {} ranks as {}\n{} tokens in {} documents, {} mask, {}/{} heads of "
      "{}, {}, sums in {}\n",
      to_string(v.strategy), v.strategy.ranks(), v.where, problem.batch.tokens(),
      problem.batch.documents(), to_string(problem.mask), problem.heads.query,
      problem.heads.key_value, problem.heads.dim, to_string(problem.dtype),
      v.arithmetic == Arithmetic::fp64 ? "float64" : "float32");
  if (v.planned_tokens > problem.batch.tokens()) {
    text += fmt::format("shrunk from the {} tokens of the plan; --tokens N runs more\n",
                        v.planned_tokens);
  }
  const auto longest = std::max_element(problem.batch.lengths.begin(), problem.batch.lengths.end());
  if (problem.mask.kind == Mask::Kind::sliding && *longest <= problem.mask.window) {
    text += "no document is longer than the window; --tokens N runs longer ones\n";
  }
  if (v.other_layers) {
    text += problem.balanced_by ? "layers with a window; without --window the others run\n"
                                : "layers without a window; --window runs the others\n";
  }
  return text;
}

std::string errors_table(const Validation& v, bool color) {
  Table table({{"tensor"},
               {"relative error", Table::Align::right},
               {"tolerance", Table::Align::right},
               {"worst at"},
               {"found", Table::Align::right},
               {"expected", Table::Align::right}});
  for (const TensorError& e : v.errors) {
    const bool good = e.relative <= v.tolerance;
    table.add(
        {role_name(e.role), fmt::format("{:.2e}", e.relative), fmt::format("{:.0e}", v.tolerance),
         fmt::format("token {} head {} document {} rank {}", e.worst.token, e.worst.head,
                     e.worst.document, e.rank),
         fmt::format("{:.5g}", e.found), fmt::format("{:.5g}", e.expected)},
        good ? Style::plain : Style::bad);
  }
  return table.text(color);
}

std::int64_t largest(const std::vector<std::int64_t>& list) {
  return list.empty() ? 0 : *std::max_element(list.begin(), list.end());
}

std::string passes_table(const Validation& v, bool color) {
  Table table(
      {{"pass"}, {"what"}, {"predicted", Table::Align::right}, {"measured", Table::Align::right}});
  for (const PassRun& run : v.passes) {
    const auto add = [&](const std::string& what, std::int64_t predicted, std::int64_t measured) {
      table.add(
          {std::string(to_string(run.schedule.pass)), what, fmt::format("{}", predicted),
           fmt::format("{}", measured)},
          predicted == measured || v.arithmetic == Arithmetic::fp64 ? Style::plain : Style::bad);
    };
    add("bytes inside nodes", run.predicted.node, run.measured.node);
    add("bytes between nodes", run.predicted.network, run.measured.network);
    add("bytes to the rank itself", run.predicted.local, run.measured.local);
    add("buffer bytes, largest rank", largest(run.planned_buffer_bytes),
        largest(run.measured_buffer_bytes));
    // What a device holds beside buffers is no part of a prediction, and no mistake.
    const auto tell = [&](const char* what, const std::string& predicted, std::int64_t measured) {
      table.add({std::string(to_string(run.schedule.pass)), what, predicted,
                 fmt::format("{}", measured)});
    };
    if (run.execution.device_bytes == 0) continue;
    tell("bytes taken of a device, buffers predicted", fmt::format("{}", run.planned_device_bytes),
         run.execution.device_bytes);
    tell("bytes in use of a device", "", run.execution.used_bytes);
  }
  return table.text(color);
}

std::string gradients_text(const Validation& v) {
  std::string text;
  for (const GradientError& e : v.gradients) {
    text += fmt::format("  {} agrees with central differences at {} places within {:.2e}\n",
                        to_string(e.role), e.samples, e.relative);
  }
  return text;
}

/// Times of a GPU, or those of the host.
std::string times(const Validation& v, bool color) {
  std::string text = times_text(v, color);
  const bool on_host = std::all_of(v.passes.begin(), v.passes.end(),
                                   [](const PassRun& run) { return run.execution.times.empty(); });
  if (!on_host) return text;
  text = "  host seconds (they say nothing of a GPU):";
  for (const PassRun& run : v.passes) {
    text += fmt::format(" {} {:.2f}", to_string(run.schedule.pass), run.execution.wall_s);
  }
  return text + "\n";
}

std::string leaks_text(const Validation& v) {
  if (v.perturbed.empty()) return {};
  std::string text =
      fmt::format("  changed {} documents one at a time: {} numbers of other documents moved\n",
                  v.perturbed.size(), v.leaks.empty() ? "no" : "some");
  for (const Leak& leak : v.leaks) {
    text += fmt::format(
        "    document {} leaks into document {}: {} of token {} head {} by {:.3g}\n", leak.from,
        leak.to, to_string(leak.role), leak.worst.token, leak.worst.head, leak.change);
  }
  return text;
}

json::Ordered json_of(const LinkBytes& predicted, const LinkBytes& measured) {
  json::Ordered out;
  const auto add = [&](const char* key, std::int64_t a, std::int64_t b) {
    out[key]["predicted_bytes"] = a;
    out[key]["measured_bytes"] = b;
  };
  add("local", predicted.local, measured.local);
  add("node", predicted.node, measured.node);
  add("network", predicted.network, measured.network);
  return out;
}

json::Ordered json_of(const PassRun& run) {
  json::Ordered out;
  out["pass"] = to_string(run.schedule.pass);
  out["operations"] = run.schedule.operations.size();
  out["links"] = json_of(run.predicted, run.measured);
  out["planned_buffer_bytes"] = run.planned_buffer_bytes;
  out["measured_buffer_bytes"] = run.measured_buffer_bytes;
  out["wall_s"] = run.execution.wall_s;
  for (std::size_t kind = 0; kind < run.execution.kernel_s.size(); ++kind) {
    if (run.execution.kernel_s[kind] == 0) continue;
    out["kernel_s"][std::string(to_string(static_cast<Kind>(kind)))] = run.execution.kernel_s[kind];
  }
  if (run.times) out["times"] = to_json(*run.times, run.schedule);
  if (run.execution.device_bytes > 0) {
    out["device"] = {{"planned_buffer_bytes", run.planned_device_bytes},
                     {"taken_bytes", run.execution.device_bytes},
                     {"used_bytes", run.execution.used_bytes}};
  }
  return out;
}

/// JSON has no infinity: a number that is missing has a null error.
json::Ordered number(double value) {
  return std::isfinite(value) ? json::Ordered(value) : json::Ordered(nullptr);
}

}  // namespace

std::string report(const Validation& v, bool color) {
  const std::string why = objection(v);
  const std::string good =
      v.compared ? "right" : "bytes and memory are right; results were not compared";
  return heading(v) + (v.compared ? errors_table(v, color) : "") + passes_table(v, color) +
         gradients_text(v) + leaks_text(v) + times(v, color) +
         cli::styled(why.empty() ? good : "wrong: " + why, why.empty() ? Style::good : Style::bad,
                     color) +
         "\n";
}

json::Ordered to_json(const Validation& v) {
  json::Ordered out;
  out["schema"] = "hsap.validation/1";
  out["executor"] = v.executor;
  out["where"] = v.where;
  if (v.machine) out["predicted_as"] = v.machine->text();
  out["strategy"] = to_string(v.strategy);
  out["ranks"] = v.strategy.ranks();
  out["documents"] = v.problem.batch.lengths;
  out["planned_tokens"] = v.planned_tokens;
  out["mask"] = to_string(v.problem.mask);
  out["heads"] = v.problem.heads.query;
  out["kv_heads"] = v.problem.heads.key_value;
  out["head_dim"] = v.problem.heads.dim;
  out["dtype"] = to_string(v.problem.dtype);
  out["arithmetic"] = v.arithmetic == Arithmetic::fp64 ? "fp64" : "fp32";
  out["tolerance"] = v.tolerance;
  out["compared"] = v.compared;
  out["right"] = objection(v).empty();
  out["tensors"] = json::Ordered::array();
  for (const TensorError& e : v.errors) {
    json::Ordered tensor;
    tensor["tensor"] = to_string(e.role);
    tensor["relative_error"] = number(e.relative);
    tensor["token"] = e.worst.token;
    tensor["head"] = e.worst.head;
    tensor["document"] = e.worst.document;
    tensor["rank"] = e.rank;
    tensor["found"] = number(e.found);
    tensor["expected"] = number(e.expected);
    out["tensors"].push_back(std::move(tensor));
  }
  out["passes"] = json::Ordered::array();
  for (const PassRun& run : v.passes) out["passes"].push_back(json_of(run));
  out["gradients"] = json::Ordered::array();
  for (const GradientError& e : v.gradients) {
    out["gradients"].push_back({{"tensor", to_string(e.role)},
                                {"places", e.samples},
                                {"relative_error", number(e.relative)},
                                {"token", e.token},
                                {"head", e.head}});
  }
  out["perturbed_documents"] = v.perturbed;
  out["leaks"] = json::Ordered::array();
  for (const Leak& leak : v.leaks) {
    out["leaks"].push_back({{"from_document", leak.from},
                            {"to_document", leak.to},
                            {"tensor", to_string(leak.role)},
                            {"token", leak.worst.token},
                            {"head", leak.worst.head},
                            {"change", number(leak.change)}});
  }
  return out;
}

std::string objection(const Validation& v) {
  if (!v.leaks.empty()) {
    return fmt::format("document {} leaks into document {}", v.leaks.front().from,
                       v.leaks.front().to);
  }
  for (const TensorError& e : v.errors) {
    if (e.relative <= v.tolerance) continue;
    return fmt::format("{} is off by {:.2e} at token {} head {} of document {}, more than {:.0e}",
                       to_string(e.role), e.relative, e.worst.token, e.worst.head, e.worst.document,
                       v.tolerance);
  }
  for (const GradientError& e : v.gradients) {
    if (e.relative <= v.tolerance) continue;
    return fmt::format("{} differs from central differences by {:.2e} at token {} head {}",
                       to_string(e.role), e.relative, e.token, e.head);
  }
  if (v.right()) return {};
  return "bytes or memory are not as predicted";
}

}  // namespace hsap::validation
