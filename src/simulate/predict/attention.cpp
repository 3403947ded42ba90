#include "simulate/predict/attention.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "hsap/compile.hpp"
#include "simulate/predict/basis.hpp"
#include "simulate/predict/limit.hpp"

namespace hsap {
namespace {

/// Adds the passes of the layers that have one mask.
Status run_passes(const Problem& problem, double share, const Strategy& strategy,
                  const Setting& setting, std::vector<PassRun>& runs) {
  const int tensor = setting.training.tensor_parallel;
  // Of all pipeline stages, which compute at once, each for another batch.
  const int copies = setting.cluster->gpus() / (strategy.ranks() * tensor);
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    if (!covers(setting.passes, pass)) continue;
    HSAP_TRY(Schedule schedule, compile(problem, strategy, pass));
    HSAP_TRY(SlowestCopy slowest,
             simulate_slowest(schedule, *setting.cluster, setting.runtime,
                              {.replicas = copies, .tensor_parallel = tensor}));
    runs.push_back({pass, std::move(schedule), std::move(slowest.simulation), slowest.copy, share});
  }
  return {};
}

const PassRun* run_of(std::span<const PassRun> runs, Pass pass) {
  const auto found = std::find_if(runs.begin(), runs.end(),
                                  [pass](const PassRun& run) { return run.pass == pass; });
  return found == runs.end() ? nullptr : &*found;
}

/// The same tokens on every rank, whatever the layers' mask.
Problem of_layers(Problem problem, const Mask& mask) {
  if (mask != problem.mask) problem.balanced_by = std::exchange(problem.mask, mask);
  return problem;
}

/// What the time of the slowest rank is made of. After an exchange of all with all they end almost
/// together; then it is the one that computes most, as the others waited for it.
PassTimes slowest_rank(const Simulation& simulation) {
  constexpr double together = 0.99;
  const auto less = [&](const RankTimes& a, const RankTimes& b) {
    const auto late = [&](const RankTimes& rank) {
      return rank.finish_s >= together * simulation.seconds;
    };
    return late(a) != late(b) ? late(b) : a.compute_s < b.compute_s;
  };
  const auto slowest = std::max_element(simulation.ranks.begin(), simulation.ranks.end(), less);
  if (slowest == simulation.ranks.end()) return {};
  return {simulation.seconds, slowest->compute_s, slowest->communication_s,
          slowest->exposed_communication_s, slowest->host_s};
}

PassTimes times_of(std::span<const PassRun> runs, Pass pass) {
  const PassRun* run = run_of(runs, pass);
  return run == nullptr ? PassTimes{} : slowest_rank(run->simulation);
}

/// Most over mean kernel seconds of the ranks, passes added up.
double imbalance_of(std::span<const PassRun> runs) {
  std::vector<double> compute_s(runs.front().simulation.ranks.size());
  for (const PassRun& run : runs) {
    for (std::size_t rank = 0; rank < compute_s.size(); ++rank) {
      compute_s[rank] += run.share * run.simulation.ranks[rank].compute_s;
    }
  }
  const double sum = std::accumulate(compute_s.begin(), compute_s.end(), 0.0);
  const double most = *std::max_element(compute_s.begin(), compute_s.end());
  return sum > 0 ? most * static_cast<double>(compute_s.size()) / sum : 1;
}

/// Of the mean layer; bytes are those of all its tensor-parallel slices.
AttentionTimes attention_times(std::span<const PassRun> runs, int tensor_parallel) {
  AttentionTimes out;
  double sent = 0;
  double sent_inter_node = 0;
  for (const PassRun& run : runs) {
    const PassTimes times = slowest_rank(run.simulation);
    (run.pass == Pass::forward ? out.forward_s : out.backward_s) += run.share * times.seconds;
    out.compute_s += run.share * times.compute_s;
    out.communication_s += run.share * times.communication_s;
    out.exposed_communication_s += run.share * times.exposed_communication_s;
    for (const RankTimes& rank : run.simulation.ranks) {
      const double slices = run.share * tensor_parallel;
      sent += slices * static_cast<double>(rank.bytes_sent);
      sent_inter_node += slices * static_cast<double>(rank.bytes_sent_inter_node);
    }
  }
  out.bytes_sent = std::llround(sent);
  out.bytes_sent_inter_node = std::llround(sent_inter_node);
  out.imbalance = imbalance_of(runs);
  return out;
}

double peak_of(const Simulation* run, std::size_t rank) {
  return run == nullptr ? 0 : static_cast<double>(run->ranks[rank].peak_buffer_bytes);
}

/// Inputs of one rank's backward program, in bytes.
struct BackwardInputs {
  double kept = 0;         ///< made by the forward pass
  double dout = 0;         ///< the incoming gradient, of the size of o at home
  bool o_at_home = false;  ///< o is among what is kept, with all heads
};

std::vector<BackwardInputs> backward_inputs(const Schedule& backward) {
  std::vector<BackwardInputs> inputs(static_cast<std::size_t>(backward.ranks()));
  for (const Buffer& buffer : backward.buffers) {
    if (buffer.usage != Usage::input) continue;
    BackwardInputs& rank = inputs[static_cast<std::size_t>(buffer.rank)];
    const double bytes = static_cast<double>(backward.bytes(buffer));
    (buffer.role == Role::dout ? rank.dout : rank.kept) += bytes;
    const bool all_heads = buffer.heads.size() == backward.heads.query;
    rank.o_at_home = rank.o_at_home || (buffer.role == Role::o && all_heads);
  }
  return inputs;
}

std::vector<AttentionBuffers> buffers_of(std::span<const PassRun> runs) {
  const PassRun* forward = run_of(runs, Pass::forward);
  const PassRun* backward = run_of(runs, Pass::backward);
  return attention_buffers(forward == nullptr ? nullptr : &forward->schedule,
                           forward == nullptr ? nullptr : &forward->simulation,
                           backward == nullptr ? nullptr : &backward->schedule,
                           backward == nullptr ? nullptr : &backward->simulation);
}

/// Without those of which another has no less of anything, so that it needs as much memory.
std::vector<AttentionBuffers> largest(const std::vector<AttentionBuffers>& all) {
  std::vector<AttentionBuffers> kept;
  const auto within = [](const AttentionBuffers& a, const AttentionBuffers& b) {
    return a.kept <= b.kept && a.transient <= b.transient && a.tokens <= b.tokens;
  };
  for (const AttentionBuffers& rank : all) {
    const bool smaller = std::any_of(kept.begin(), kept.end(), [&](const AttentionBuffers& other) {
      return within(rank, other);
    });
    if (smaller) continue;
    std::erase_if(kept, [&](const AttentionBuffers& other) { return within(other, rank); });
    kept.push_back(rank);
  }
  return kept;
}

std::vector<Basis> basis_of(std::span<const PassRun> runs, const Setting& setting) {
  std::vector<std::vector<Basis>> lists;
  lists.reserve(runs.size());
  for (const PassRun& run : runs) {
    lists.push_back(
        basis_of(run.schedule, *setting.cluster, setting.training.tensor_parallel, run.copy));
  }
  return joined(lists);
}

}  // namespace

std::vector<AttentionBuffers> attention_buffers(const Schedule* forward,
                                                const Simulation* forward_run,
                                                const Schedule* backward,
                                                const Simulation* backward_run) {
  const Schedule& any = forward != nullptr ? *forward : *backward;
  std::vector<AttentionBuffers> out(static_cast<std::size_t>(any.ranks()));
  std::vector<BackwardInputs> inputs(out.size());
  if (backward != nullptr) inputs = backward_inputs(*backward);
  for (std::size_t rank = 0; rank < out.size(); ++rank) {
    const BackwardInputs& from_forward = inputs[rank];
    AttentionBuffers& buffers = out[rank];
    buffers.tokens = tokens_in(any.intervals_of(any.home[rank]));
    buffers.kept = from_forward.kept + (from_forward.o_at_home ? 0 : from_forward.dout);
    buffers.transient = std::max({0.0, peak_of(forward_run, rank) - buffers.kept,
                                  peak_of(backward_run, rank) - from_forward.kept});
  }
  return out;
}

Result<SimulatedAttention> simulate_attention(const Problem& problem, const Strategy& strategy,
                                              const Setting& setting) {
  HSAP_TRY(const std::vector<LayerMask> masks, layer_masks(setting.model, problem.mask));
  SimulatedAttention out;
  out.ranks = strategy.ranks();
  std::vector<PassRun> runs;
  std::vector<AttentionBuffers> buffers;
  for (const auto& [mask, share] : masks) {
    const std::size_t first = runs.size();
    HSAP_CHECK(run_passes(of_layers(problem, mask), share, strategy, setting, runs));
    const std::span<const PassRun> added = std::span(runs).subspan(first);
    out.layers.push_back({share, times_of(added, Pass::forward), times_of(added, Pass::backward)});
    const std::vector<AttentionBuffers> needed = buffers_of(added);
    buffers.insert(buffers.end(), needed.begin(), needed.end());
  }
  out.times = attention_times(runs, setting.training.tensor_parallel);
  for (const AttentionBuffers& rank : buffers) {
    out.rank_tokens = std::max(out.rank_tokens, rank.tokens);
  }
  out.buffers = largest(buffers);
  out.limit = attention_limit(runs, out.times, *setting.cluster);
  out.basis = basis_of(runs, setting);
  for (const PassRun& run : runs) out.events += run.simulation.events;
  return out;
}

}  // namespace hsap
