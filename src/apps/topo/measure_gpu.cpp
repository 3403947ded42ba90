#include "apps/topo/measure_gpu.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "cost/calibrate/record.hpp"

namespace hsap::apps {
namespace {

/// Words of GPU names, those that hold others first, and shipped clusters of such GPUs.
constexpr std::pair<const char*, const char*> shipped[] = {
    {"GB200", "gb200-nvl72"}, {"B200", "dgx-b200"}, {"H200", "hgx-h200"}, {"H100", "dgx-h100"},
    {"H800", "h800"},         {"A800", "a800"},     {"A100", "dgx-a100"}, {"L20", "l20x8-pcie"}};

std::string known_gpus() {
  std::string names;
  for (const auto& [word, cluster] : shipped)
    names += (names.empty() ? "" : ", ") + std::string(word);
  return names;
}

/// "nvidia-h100-80gb-hbm3".
std::string cluster_name(const std::string& device) {
  std::string name;
  for (const char c : device) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    name += plain ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : '-';
  }
  return name;
}

/// Leaves one GPU alone.
void take_away_links(ClusterSpec& spec) {
  spec.devices = {{"gpu0", ClusterSpec::DeviceKind::gpu}};
  spec.links.clear();
  for (LinkCurve& curve : spec.curves) curve = {};
  spec.in_switch = 0;
  spec.node_bandwidth_bytes_per_s = 0;
  spec.max_nodes = 1;
  spec.calibrated = {};
  std::erase_if(spec.sources, [](const std::string& line) {
    return !line.starts_with("device:") && !line.starts_with("attention");
  });
}

}  // namespace

Result<ClusterSpec> base_for(const measure::Machine& machine, bool alone) {
  const auto found = std::find_if(std::begin(shipped), std::end(shipped), [&](const auto& known) {
    return machine.name.find(known.first) != std::string::npos;
  });
  if (found == std::end(shipped)) {
    return bad_input("no shipped cluster has such GPUs", "'" + machine.name + "'",
                     "the cluster file to start from, or a GPU of " + known_gpus());
  }
  HSAP_TRY(ClusterSpec spec, load_cluster(found->second));
  if (alone) {
    take_away_links(spec);
    spec.description = "One " + machine.name + " alone, as measured";
  }
  spec.name = cluster_name(machine.name);
  return spec;
}

void describe(const measure::Measured& measured, ClusterSpec& spec) {
  const measure::Machine& machine = measured.machine;
  spec.device.name = machine.name;
  spec.device.memory_bytes = static_cast<double>(machine.memory_bytes);
  spec.device.multiprocessors = machine.multiprocessors;
  std::string facts;
  for (const auto& [what, value] : machine.facts) facts += fmt::format(", {} {}", what, value);
  fit::set_source(spec, "measured",
                  fmt::format("hsap's own kernels by hsap-topo calibrate --gpu in {:.0f} s on {}{}",
                              measured.seconds, machine.name, facts));
}

Result<Runtime> runtime_of(const measure::Measured& measured,
                           const std::optional<measure::Interference>& interference) {
  HSAP_TRY(Runtime runtime, load_runtime("hsap"));
  runtime.name = "hsap-measured";
  const auto replace_source = [&](std::initializer_list<const char*> old, const std::string& by) {
    std::erase_if(runtime.sources, [&](const std::string& line) {
      return std::any_of(old.begin(), old.end(),
                         [&](const char* begin) { return line.starts_with(begin); });
    });
    runtime.sources.push_back(fmt::format("{}: measured on {}", by, measured.machine.name));
  };
  if (measured.host) {
    runtime.host_launch_s = measured.host->launch_s;
    runtime.stream_wait_s = measured.host->stream_wait_s;
    replace_source({"host_launch_s"}, "host_launch_s, stream_wait_s");
  }
  if (interference) {
    constexpr double least_share = 0.01;  // a runtime has no messages that stand still
    runtime.host_exchange_s = interference->host_exchange_s;
    runtime.host_transfer_s = interference->host_transfer_s;
    runtime.kernel_slowdown = std::min(interference->kernel_slowdown, 1.0);
    runtime.communication_multiprocessors =
        static_cast<int>(std::lround(interference->taken_share * measured.machine.multiprocessors));
    runtime.overlap_share = std::max(interference->overlap_share, least_share);
    replace_source({"host_exchange_s", "communication:", "kernel_slowdown"},
                   "host_exchange_s, host_transfer_s, kernel_slowdown, "
                   "communication_multiprocessors, overlap_share");
  }
  return runtime;
}

std::string text_of(const measure::Interference& found) {
  return fmt::format(
      "  all GPUs at work: attention {:.1f} % slower than on one; a message beside it takes "
      "{:.1f} % of the GPU and keeps {:.0f} % of its speed\n"
      "  host: {:.1f} us to issue an exchange and {:.1f} us for each send or receive in it\n",
      found.kernel_slowdown * 100, found.taken_share * 100, found.overlap_share * 100,
      found.host_exchange_s * 1e6, found.host_transfer_s * 1e6);
}

std::string measured_text(const measure::Measured& measured) {
  std::string text = fmt::format("{}: {} attention kernels and {} copies measured in {:.1f} s\n",
                                 measured.machine.name, measured.attention.size(),
                                 measured.copies.size(), measured.seconds);
  if (measured.host) {
    text +=
        fmt::format("  host: {:.1f} us to issue an operation, {:.1f} us from stream to stream\n",
                    measured.host->launch_s * 1e6, measured.host->stream_wait_s * 1e6);
  }
  const auto for_want_of = [&](measure::Skipped::Want want) {
    return std::count_if(measured.skipped.begin(), measured.skipped.end(),
                         [&](const measure::Skipped& skipped) { return skipped.want == want; });
  };
  if (!measured.skipped.empty()) {
    text += fmt::format("  skipped: {} for want of time (--budget), {} for want of memory\n",
                        for_want_of(measure::Skipped::Want::time),
                        for_want_of(measure::Skipped::Want::memory));
  }
  return text;
}

}  // namespace hsap::apps
