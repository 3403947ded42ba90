#include "apps/plan/view.hpp"

#include <fmt/format.h>

#include "base/printable.hpp"
#include "base/units.hpp"
#include "cli/table.hpp"
#include "export/option_names.hpp"

namespace hsap::apps {
namespace {

using cli::heading;
using cli::Table;

std::string bytes(std::int64_t value) { return format_bytes(static_cast<double>(value)); }

std::string what_and_where(const Plan& plan) {
  const PlanProblem& problem = plan.problem;
  const Heads& heads = problem.model.heads;
  std::string text =
      fmt::format("{}: {} query heads, {} key/value heads of {}", one_line(problem.model.name),
                  heads.query, heads.key_value, heads.dim);
  if (problem.model.layers > 0) text += fmt::format(", {} layers", problem.model.layers);
  text += fmt::format("\ncontext {}, mask {}, {}, {} pass(es); {} batch(es) of {}\n",
                      format_size(problem.context), masks_text(problem.model, problem.mask),
                      to_string(problem.dtype), to_string(problem.passes), problem.batches.size(),
                      problem.trace.empty() ? "the documents given" : one_line(problem.trace));
  text += fmt::format("{} node(s) of {} ({} GPUs), runtime {}, {}\n", plan.cluster.nodes,
                      one_line(plan.cluster.name), plan.cluster.gpus,
                      one_line(plan.cluster.runtime), to_string(plan.training));
  if (plan.training.global_batch > 0) {
    text += fmt::format("{} batches a step, {} of each replica\n", plan.training.global_batch,
                        plan.training.global_batch / plan.replicas);
  }
  for (const Override& set : plan.cluster.overrides) {
    text += fmt::format("  with {} = {}\n", one_line(set.path), one_line(set.value));
  }
  return text;
}

std::string breakdown_text(const Breakdown& parts, std::string (*format)(double)) {
  std::string text;
  for (const auto& [name, value] : parts) {
    if (value <= 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", one_line(name), format(value));
  }
  return text;
}

std::string attention_figures(const Figures& figures) {
  const AttentionTimes& attention = figures.attention;
  const double total = attention.forward_s + attention.backward_s;
  const double limit = figures.bound.total_s;
  std::string text = fmt::format(
      "  attention  forward {}, backward {} a layer; {} of communication exposed, slowest rank "
      "{:.2f} times the mean work\n",
      format_seconds(attention.forward_s), format_seconds(attention.backward_s),
      format_seconds(attention.exposed_communication_s), attention.imbalance);
  text += fmt::format("  traffic    {} a layer, {} of it between nodes\n",
                      bytes(attention.bytes_sent), bytes(attention.bytes_sent_inter_node));
  text += fmt::format("  bound      {} a layer (compute {}, inside nodes {}, between nodes {})",
                      format_seconds(limit), format_seconds(figures.bound.compute_s),
                      format_seconds(figures.bound.intra_node_s),
                      format_seconds(figures.bound.inter_node_s));
  return text + (limit > 0 ? fmt::format("; time / bound {:.2f}\n", total / limit) : "\n");
}

std::string figures_text(const Figures& figures) {
  std::string text;
  if (figures.step) {
    text += fmt::format("  step       {}, {:.0f} tokens/s, MFU {:.1f} %\n",
                        format_seconds(figures.step->seconds), figures.step->tokens_per_s,
                        100 * figures.step->mfu);
    text += "             " + breakdown_text(figures.step->breakdown, format_seconds) + "\n";
  }
  text += attention_figures(figures);
  text += fmt::format("  memory     {} at peak: {}\n", bytes(figures.memory.peak_bytes),
                      breakdown_text(figures.memory.breakdown, format_bytes));
  if (figures.memory.offloaded_bytes > 0) {
    text +=
        fmt::format("  offloaded  {} a rank, to the host\n", bytes(figures.memory.offloaded_bytes));
  }
  return figures.limit.empty() ? text : text + "  limit      " + one_line(figures.limit) + "\n";
}

std::string alternatives_table(const std::vector<Alternative>& alternatives, bool color) {
  using Align = Table::Align;
  Table table({{"strategy", Align::left},
               {"replicas", Align::right},
               {"time", Align::right},
               {"tokens/s", Align::right},
               {"memory", Align::right}});
  for (const Alternative& each : alternatives) {
    table.add({to_string(each.strategy), std::to_string(each.replicas),
               format_seconds(each.seconds), fmt::format("{:.0f}", each.tokens_per_s),
               bytes(each.peak_bytes)});
  }
  return table.text(color);
}

/// "node 3" or "nodes 0-3" of the GPUs of a row of ranks.
std::string nodes_of(const std::vector<int>& ranks, int gpus_per_node) {
  const int first = ranks.front() / gpus_per_node;
  const int last = ranks.back() / gpus_per_node;
  return first == last ? fmt::format("node {}", first) : fmt::format("nodes {}-{}", first, last);
}

std::string mesh_row(const std::vector<int>& ranks) {
  constexpr std::size_t most = 16;
  std::string text;
  for (std::size_t u = 0; u < ranks.size(); ++u) {
    const bool hidden = ranks.size() > most && u >= most - 2 && u + 1 < ranks.size();
    if (!hidden) text += fmt::format("{:>5}", ranks[u]);
    if (hidden && u == most - 2) text += "  ...";
  }
  return text;
}

std::string provenance_text(const Provenance& provenance) {
  std::string text = fmt::format("hsap {}, seed {}", one_line(provenance.version), provenance.seed);
  for (const InputHash& input : provenance.inputs) {
    text += fmt::format(", {} {} ({})", one_line(input.what), one_line(input.name),
                        one_line(input.hash));
  }
  return text + "\n";
}

}  // namespace

std::string mesh_picture(const Plan& plan) {
  constexpr std::size_t most = 16;
  const PlanMesh mesh = mesh_of(plan.strategy, plan.training.tensor_parallel);
  const auto& rows = mesh.ulysses_groups;
  std::string text = "  shard   ranks that split its heads\n";
  for (std::size_t c = 0; c < rows.size(); ++c) {
    const bool hidden = rows.size() > most && c >= most - 2 && c + 1 < rows.size();
    if (!hidden) {
      text += fmt::format("  {:>5} {}   {}\n", c, mesh_row(rows[c]),
                          nodes_of(rows[c], plan.cluster.gpus_per_node));
    } else if (c == most - 2) {
      text += "    ...\n";
    }
  }
  return text;
}

std::string plan_view(const Plan& plan, int batch, bool color) {
  std::string text = what_and_where(plan);
  text += heading(fmt::format("Strategy {}: {} replica(s) of {} ranks, tensor parallel {}",
                              to_string(plan.strategy), plan.replicas, plan.strategy.ranks(),
                              plan.training.tensor_parallel),
                  color);
  text += mesh_picture(plan);
  text += heading("Why", color);
  for (const std::string& sentence : plan.why) text += "  - " + one_line(sentence) + "\n";
  text += heading(fmt::format("Predicted over {} batch(es)", plan.problem.batches.size()), color);
  text += figures_text(plan.predicted);
  text += heading(fmt::format("Layout of batch {}", batch), color);
  text += layout_summary(plan, batch, color);
  text += heading("Runners-up", color);
  text += plan.runners_up.empty() ? "  none\n" : alternatives_table(plan.runners_up, color);
  text += heading("Pareto set of time and memory", color);
  text += plan.pareto.empty() ? "  none\n" : alternatives_table(plan.pareto, color);
  return text + "\n" + provenance_text(plan.provenance);
}

}  // namespace hsap::apps
