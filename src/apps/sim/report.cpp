#include "apps/sim/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "apps/sim/notes.hpp"
#include "base/units.hpp"
#include "cli/table.hpp"
#include "export/option_names.hpp"

namespace hsap {
namespace {

using cli::right;
using cli::Style;
using cli::Table;

double attention_s(const BatchPrediction& batch) {
  return batch.attention.forward_s + batch.attention.backward_s;
}

template <typename Value>
double mean(const SimRun& run, Value value) {
  double sum = 0;
  for (const BatchPrediction& batch : run.prediction.batches) sum += value(batch);
  return sum / static_cast<double>(run.prediction.batches.size());
}

double peak_bytes(const SimRun& run) {
  double peak = 0;
  for (const BatchPrediction& batch : run.prediction.batches) {
    peak = std::max(peak, static_cast<double>(batch.memory.peak_bytes));
  }
  return peak;
}

std::string ratio(double a, double b) { return b > 0 ? fmt::format("{:.2f}", a / b) : "-"; }

std::string plural(std::int64_t n, const std::string& one) {
  return fmt::format("{} {}{}", n, one, n == 1 ? "" : "s");
}

/// A key of a breakdown as people write it.
std::string spaced(std::string key) {
  std::replace(key.begin(), key.end(), '_', ' ');
  return key;
}

std::string header(const Setting& setting) {
  const Cluster& cluster = *setting.cluster;
  const Heads& heads = setting.model.heads;
  return fmt::format(
      "{}: {} of {}\n{}: {} query and {} key/value heads of {}, mask {}, {}, pass "
      "{}, runtime {}\n",
      cluster.spec().name, plural(cluster.nodes(), "node"), plural(cluster.gpus_per_node(), "GPU"),
      setting.model.name, heads.query, heads.key_value, heads.dim,
      masks_text(setting.model, setting.mask), to_string(setting.dtype), to_string(setting.passes),
      setting.runtime.name);
}

std::string attention_table(const SimRun& run, const Setting& setting, bool color) {
  Table table({{"batch", right},
               {"tokens", right},
               {"documents", right},
               {"forward", right},
               {"backward", right},
               {"compute", right},
               {"comm.", right},
               {"exposed", right},
               {"sent", right},
               {"inter-node", right},
               {"imbalance", right},
               {"bound", right},
               {"time/bound", right}});
  int number = 0;
  for (const BatchPrediction& batch : run.prediction.batches) {
    const AttentionTimes& times = batch.attention;
    table.add({std::to_string(number++), format_size(batch.tokens), std::to_string(batch.documents),
               format_seconds(times.forward_s), format_seconds(times.backward_s),
               format_seconds(times.compute_s), format_seconds(times.communication_s),
               format_seconds(times.exposed_communication_s),
               format_bytes(static_cast<double>(times.bytes_sent)),
               format_bytes(static_cast<double>(times.bytes_sent_inter_node)),
               fmt::format("{:.3f}", times.imbalance), format_seconds(batch.bound.total_s),
               ratio(attention_s(batch), batch.bound.total_s)});
  }
  const auto masks = layer_masks(setting.model, setting.mask);
  const bool alike = !masks || masks->size() == 1;
  const char* title = alike ? "Attention of one layer" : "Attention of the mean layer";
  return cli::styled(title, Style::bold, color) + "\n" + table.text(color);
}

std::string step_table(const SimRun& run, bool color) {
  if (!run.prediction.step) return {};
  Table steps({{"batch", right}, {"step", right}, {"tokens/s", right}, {"MFU", right}});
  int number = 0;
  for (const BatchPrediction& batch : run.prediction.batches) {
    steps.add({std::to_string(number++), format_seconds(batch.step->seconds),
               fmt::format("{:.0f}", batch.step->tokens_per_s),
               fmt::format("{:.1f} %", 100 * batch.step->mfu)});
  }
  const StepTimes& step = *run.prediction.step;
  Table parts({{run.prediction.replicas > 1 ? "step of all replicas" : "mean step"},
               {"time", right},
               {"share", right}});
  const auto add = [&](const std::string& name, double seconds) {
    parts.add(
        {name, format_seconds(seconds), fmt::format("{:.1f} %", 100 * seconds / step.seconds)});
  };
  for (const auto& [name, seconds] : step.breakdown) {
    if (seconds > 0) add(spaced(name), seconds);
  }
  add("all", step.seconds);
  return cli::styled("Training step", Style::bold, color) + "\n" + steps.text(color) + "\n" +
         parts.text(color);
}

/// The batch that needs most memory, part by part.
std::string memory_table(const SimRun& run, const Setting& setting, bool color) {
  const auto& batches = run.prediction.batches;
  const auto worst = std::max_element(
      batches.begin(), batches.end(),
      [](const auto& a, const auto& b) { return a.memory.peak_bytes < b.memory.peak_bytes; });
  const double device = setting.cluster->spec().device.memory_bytes;
  const auto share = [&](double bytes) { return fmt::format("{:.1f} %", 100 * bytes / device); };
  Table table({{"part"}, {"bytes", right}, {"of device", right}});
  for (const auto& [name, bytes] : worst->memory.breakdown) {
    if (bytes > 0) table.add({spaced(name), format_bytes(bytes), share(bytes)});
  }
  const auto peak = static_cast<double>(worst->memory.peak_bytes);
  table.add({"peak", format_bytes(peak), share(peak)}, peak > device ? Style::bad : Style::bold);
  std::string text =
      cli::styled(fmt::format("Memory of the fullest rank, of {}", format_bytes(device)),
                  Style::bold, color) +
      "\n" + table.text(color);
  const auto offloaded = static_cast<double>(worst->memory.offloaded_bytes);
  if (offloaded > 0) text += "  Offloaded to the host: " + format_bytes(offloaded) + " a rank.\n";
  if (peak > device) text += cli::styled("  Does not fit the device.\n", Style::bad, color);
  return text;
}

std::string footer(std::uint64_t events, double wall_s) {
  return fmt::format("Simulated {} in {}.\n", plural(static_cast<std::int64_t>(events), "event"),
                     format_seconds(wall_s));
}

std::uint64_t events_of(const SimRun& run) {
  std::uint64_t events = 0;
  for (const BatchPrediction& batch : run.prediction.batches) events += batch.events;
  return events;
}

std::vector<std::string> sweep_row(const SimRun& run) {
  const std::optional<StepTimes>& step = run.prediction.step;
  const double bound_s = mean(run, [](const auto& batch) { return batch.bound.total_s; });
  const double attention = mean(run, attention_s);
  const auto exposed = [](const BatchPrediction& b) { return b.attention.exposed_communication_s; };
  const auto imbalance = [](const BatchPrediction& b) { return b.attention.imbalance; };
  return {to_string(run.strategy),
          std::to_string(run.prediction.replicas),
          step ? format_seconds(step->seconds) : "-",
          step ? fmt::format("{:.0f}", step->tokens_per_s) : "-",
          format_seconds(attention),
          format_seconds(mean(run, exposed)),
          fmt::format("{:.3f}", mean(run, imbalance)),
          ratio(attention, bound_s),
          format_bytes(peak_bytes(run))};
}

/// The reasons why strategies are not possible, each with how many it concerns and the first.
std::string illegal_list(std::span<const SimRun> runs, bool color) {
  struct Reason {
    std::string text;
    std::string first;
    int strategies = 0;
  };
  std::vector<Reason> reasons;
  for (const SimRun& run : runs) {
    if (!run.illegal) continue;
    auto it = std::find_if(reasons.begin(), reasons.end(),
                           [&](const Reason& reason) { return reason.text == *run.illegal; });
    if (it == reasons.end()) it = reasons.insert(it, {*run.illegal, to_string(run.strategy), 0});
    ++it->strategies;
  }
  if (reasons.empty()) return {};
  Table table({{"not possible", right}, {"because"}, {"such as"}});
  for (const Reason& reason : reasons) {
    table.add({std::to_string(reason.strategies), reason.text, reason.first});
  }
  return "\n" + table.text(color);
}

}  // namespace

std::string report_one(const SimRun& run, const Setting& setting, bool color) {
  std::string text = cli::styled(to_string(run.strategy), Style::bold, color);
  text += fmt::format(" on {}", plural(run.prediction.ranks, "rank"));
  if (setting.training.pipeline_parallel > 1) {
    text += fmt::format(", {} pipeline stages", setting.training.pipeline_parallel);
  }
  if (setting.training.expert_parallel > 1) {
    text += fmt::format(", experts over {} GPUs", setting.training.expert_parallel);
  }
  if (run.prediction.replicas > 1) text += fmt::format(", {} replicas", run.prediction.replicas);
  if (run.prediction.sharing.accumulation > 1) {
    text += fmt::format(", each of {} batches a step", run.prediction.sharing.accumulation);
  }
  text += "\n" + header(setting) + "\n" + attention_table(run, setting, color) + "\n";
  if (const std::string steps = step_table(run, color); !steps.empty()) text += steps + "\n";
  text += memory_table(run, setting, color) + "\n" + limits_of(run.prediction.batches) +
          beyond_calibration(std::span(&run, 1));
  return text + footer(events_of(run), run.wall_s);
}

std::vector<const SimRun*> by_time(std::span<const SimRun> runs, double device_bytes) {
  std::vector<const SimRun*> sorted;
  for (const SimRun& run : runs) {
    if (!run.illegal) sorted.push_back(&run);
  }
  // Replicas work side by side, so what counts is the time for one batch of the whole cluster.
  const auto share = [](const SimRun* run) {
    const Prediction& prediction = run->prediction;
    return prediction.step ? 1 / prediction.step->tokens_per_s
                           : mean(*run, attention_s) / prediction.replicas;
  };
  const auto rank = [&](const SimRun* run) {
    return std::pair(peak_bytes(*run) > device_bytes, share(run));
  };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const SimRun* a, const SimRun* b) { return rank(a) < rank(b); });
  return sorted;
}

std::string report_sweep(std::span<const SimRun> runs, const Setting& setting, double wall_s,
                         bool color) {
  Table table({{"strategy"},
               {"replicas", right},
               {"step", right},
               {"tokens/s", right},
               {"attention", right},
               {"exposed", right},
               {"imbalance", right},
               {"time/bound", right},
               {"peak memory", right}});
  const double device = setting.cluster->spec().device.memory_bytes;
  std::uint64_t events = 0;
  for (const SimRun* run : by_time(runs, device)) {
    std::vector<std::string> row = sweep_row(*run);
    const bool fits = peak_bytes(*run) <= device;
    if (!fits) row.back() += ", does not fit";
    table.add(row, fits ? Style::plain : Style::bad);
    events += events_of(*run);
  }
  return header(setting) + "\n" + table.text(color) + illegal_list(runs, color) + "\n" +
         beyond_calibration(runs) + footer(events, wall_s);
}

}  // namespace hsap
