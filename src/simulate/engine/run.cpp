#include "simulate/engine/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "simulate/engine/engine.hpp"
#include "simulate/engine/memory.hpp"
#include "simulate/traffic/agenda.hpp"
#include "simulate/traffic/placement.hpp"
#include "simulate/traffic/traffic.hpp"

namespace hsap {
namespace {

Status check_fit(const Machine& machine, const Placement& place) {
  const std::int64_t gpus = std::int64_t{place.ranks} * place.replicas * place.slices;
  const bool positive =
      place.replicas >= 1 && place.slices >= 1 && place.told >= 0 && place.told < place.copies();
  const bool inside_node = positive && machine.gpus_per_node % place.slices == 0;
  if (inside_node && gpus <= machine.gpus) return {};
  return bad_input(fmt::format("{} ranks x {} replicas x {} tensor-parallel slices do not fit the "
                               "cluster",
                               place.ranks, place.replicas, place.slices),
                   fmt::format("{} GPUs needed", gpus),
                   fmt::format("1 to {} GPUs, slices that divide the {} of a node", machine.gpus,
                               machine.gpus_per_node));
}

/// Operations and messages of all copies are numbered in 32 bits.
Status check_size(const Schedule& schedule, const Traffic& traffic, std::size_t copies) {
  const std::size_t most = std::max(
      {schedule.operations.size(), traffic.messages.size(), schedule.programs.size() * streams});
  if (most * copies < std::numeric_limits<Index>::max()) return {};
  return bad_input("the schedule is too large to simulate", fmt::format("{} items", most * copies),
                   "fewer than 2^32");
}

/// Bytes that each rank sends to others, and the part that leaves its node.
void add_bytes(const Traffic& traffic, const Machine& machine, const Placement& place,
               std::vector<RankTimes>& ranks) {
  for (const Message& message : traffic.messages) {
    const Channel& channel = message.channel;
    if (channel.from == channel.to) continue;
    const std::int64_t bytes = static_cast<std::int64_t>(message.bytes);
    ranks[channel.from].bytes_sent += bytes;
    const int told = place.told;
    if (machine.route(place.gpu(told, channel.from), place.gpu(told, channel.to)).inter_node) {
      ranks[channel.from].bytes_sent_inter_node += bytes;
    }
  }
}

std::vector<RankTimes> rank_times(const Engine& engine, const Schedule& schedule, Rank run,
                                  double host_call_s) {
  std::vector<RankTimes> ranks(static_cast<std::size_t>(run));
  const std::vector<std::int64_t> peaks = peak_buffer_bytes(schedule, run, engine.periods());
  for (Rank rank = 0; rank < run; ++rank) {
    RankTimes& times = ranks[rank];
    const RankClock& clock = engine.clock(rank);
    times.compute_s = clock.compute_s();
    times.communication_s = clock.communication_s();
    times.exposed_communication_s = clock.exposed_s();
    times.host_s = engine.host_s(rank) + host_call_s;
    times.finish_s = std::max(clock.last_s(), times.host_s);
    times.peak_buffer_bytes = peaks[rank];
  }
  return ranks;
}

std::vector<Span> spans_of(const Engine& engine) {
  std::vector<Span> spans;
  const std::span<const Period> periods = engine.periods();
  for (Index op = 0; op < periods.size(); ++op) {
    spans.push_back({op, periods[op].begin_s, periods[op].end_s});
  }
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
    return a.begin_s < b.begin_s || (a.begin_s == b.begin_s && a.operation < b.operation);
  });
  return spans;
}

/// What the ranks that ran tell about all.
void unfold(const Schedule& schedule, const Symmetry& symmetry, Simulation& result) {
  if (symmetry.like.empty()) return;
  const std::size_t all = schedule.programs.size();
  result.events *= all / result.ranks.size();
  for (std::size_t rank = result.ranks.size(); rank < all; ++rank) {
    result.ranks.push_back(result.ranks[rank - static_cast<std::size_t>(symmetry.ranks)]);
  }
  const std::vector<double> carried = std::exchange(result.link_busy_bytes, {});
  for (const LinkId link : symmetry.like) {
    result.link_busy_bytes.push_back(link == Symmetry::no_link ? 0 : carried[link]);
  }
}

}  // namespace

Result<Simulation> run_schedule(const Schedule& schedule, const Machine& machine,
                                const Runtime& runtime, const SimulateOptions& options,
                                std::vector<KernelTime> kernels) {
  return run_schedule(schedule, machine, runtime, options, std::move(kernels),
                      no_symmetry(schedule));
}

Result<Simulation> run_schedule(const Schedule& schedule, const Machine& machine,
                                const Runtime& runtime, const SimulateOptions& options,
                                std::vector<KernelTime> kernels, const Symmetry& symmetry) {
  const Placement place{schedule.ranks(), options.replicas, options.tensor_parallel,
                        options.told * options.tensor_parallel};
  HSAP_CHECK(check_fit(machine, place));
  const int ranks_per_node = machine.gpus_per_node / place.slices;
  const NodeShape node{ranks_per_node, options.told * place.ranks % ranks_per_node,
                       machine.in_switch};
  HSAP_TRY(const Traffic traffic, find_traffic(schedule, symmetry.ranks, node));
  const std::vector<int> copies = coupled_copies(machine, traffic, place);
  HSAP_CHECK(check_size(schedule, traffic, copies.size()));
  const Agenda agenda = make_agenda(schedule, symmetry.ranks, machine, runtime, kernels);
  kernels = {};
  Engine engine({schedule, machine, runtime, traffic, agenda, place, copies, symmetry.like,
                 options.timeline});
  HSAP_CHECK(engine.run());

  Simulation result;
  result.ranks = rank_times(engine, schedule, symmetry.ranks, runtime.host_call_s);
  add_bytes(traffic, machine, place, result.ranks);
  for (const RankTimes& times : result.ranks) {
    result.seconds = std::max(result.seconds, times.finish_s);
  }
  result.link_busy_bytes = engine.network().carried_bytes();
  result.events = engine.events();
  if (options.timeline) {
    result.spans = spans_of(engine);
    result.link_use = std::move(engine.network().use());
  }
  unfold(schedule, symmetry, result);
  return result;
}

}  // namespace hsap
