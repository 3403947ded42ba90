#include "validate/gpu/execute_in_world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <type_traits>

#include "validate/gpu/execute_rank.hpp"
#include "validate/host/program.hpp"
#include "validate/world/watchdog.hpp"

namespace hsap::executor {
namespace {

/// Everything of any length, in steps that a world carries.
Result<std::vector<std::string>> gather_all(world::World& world, const std::string& own) {
  const std::string length = std::to_string(own.size());
  HSAP_TRY(const std::vector<std::string> lengths, world.gather(length));
  std::size_t longest = 0;
  for (const std::string& text : lengths)
    longest = std::max<std::size_t>(longest, std::stoull(text));
  HSAP_TRY(const std::string shared, world.broadcast(std::to_string(longest)));
  longest = std::stoull(shared);
  std::vector<std::string> all(lengths.size());
  for (std::size_t at = 0; at < longest; at += world::World::most_bytes) {
    const std::string part =
        at < own.size() ? own.substr(at, world::World::most_bytes) : std::string();
    HSAP_TRY(const std::vector<std::string> parts, world.gather(part));
    for (std::size_t rank = 0; rank < parts.size(); ++rank) all[rank] += parts[rank];
    HSAP_CHECK(world.barrier());  // the others do not wait in a gather, and would run ahead
  }
  return all;
}

/// Calls use(values) for every row of the results that a rank writes, in an order that all know.
template <typename Use>
void for_each_result_row(const Schedule& schedule, Rank rank, Tensors& tensors, Use use) {
  for (const Buffer& buffer : schedule.buffers) {
    if (buffer.rank != rank || !host::is_result(buffer)) continue;
    for (const Interval& interval : schedule.intervals_of(buffer)) {
      for (Token row = 0; row < interval.size(); ++row) {
        for (int head = buffer.heads.begin; head < buffer.heads.end; ++head) {
          use(tensors[buffer.role].row(interval.at(row), head));
        }
      }
    }
  }
}

template <typename T>
void append(std::string& bytes, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
T take(std::string_view& bytes) {
  T value{};
  if (bytes.size() < sizeof value) return value;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

/// What rank 0 has to know of a rank: its counts and times.
std::string encode(const RankExecution& run, const Execution& own) {
  std::string bytes;
  for (const std::int64_t sent : run.bytes_sent) append(bytes, sent);
  append(bytes, run.buffer_bytes);
  append(bytes, own.device_bytes);
  append(bytes, own.used_bytes);
  for (const OperationTime& time : run.times) append(bytes, time);
  for (const double seconds : run.run_s) append(bytes, seconds);
  return bytes;
}

void decode(const Schedule& schedule, Rank rank, std::string_view bytes, Execution& execution) {
  for (Rank to = 0; to < schedule.ranks(); ++to) {
    execution.bytes_sent.push_back(take<std::int64_t>(bytes));
  }
  execution.peak_buffer_bytes.push_back(take<std::int64_t>(bytes));
  execution.device_bytes = std::max(execution.device_bytes, take<std::int64_t>(bytes));
  execution.used_bytes = std::max(execution.used_bytes, take<std::int64_t>(bytes));
  for (Index i = 0; i < schedule.programs[static_cast<std::size_t>(rank)].count; ++i) {
    execution.times.push_back(take<OperationTime>(bytes));
  }
  for (double& seconds : execution.run_s) seconds = std::max(seconds, take<double>(bytes));
}

/// Brings the results of all ranks, which are float32 at most, to rank 0.
Status gather_results(const Schedule& schedule, world::World& world, Tensors& tensors) {
  std::string own;
  for_each_result_row(schedule, static_cast<Rank>(world.rank()), tensors,
                      [&](std::span<const double> values) {
                        for (const double value : values) append(own, static_cast<float>(value));
                      });
  HSAP_TRY(const std::vector<std::string> all, gather_all(world, own));
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    std::string_view bytes = all[rank];
    for_each_result_row(schedule, static_cast<Rank>(rank), tensors, [&](std::span<double> values) {
      for (double& value : values) value = static_cast<double>(take<float>(bytes));
    });
  }
  return {};
}

/// What another rank lost explains more than how this one noticed, so its report has a moment to
/// come.
std::optional<world::Loss> hear_of_loss(const world::World& world) {
  constexpr auto moment = std::chrono::milliseconds(100);
  const auto end = std::chrono::steady_clock::now() + moment;
  while (!world.lost() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return world.lost();
}

/// Runs this rank with the others watching. A failure is told to them, and theirs ends it.
Result<RankExecution> run_watched(const Schedule& schedule, Tensors& tensors, world::World& world,
                                  const RankMachine& machine, Communicators& communicators,
                                  double patience_s) {
  const auto rank = static_cast<Rank>(world.rank());
  RankResources resources{machine.device, {}, {}, machine.at_once, machine.repeats, machine.graph};
  for (std::size_t stream = 0; stream < streams; ++stream) {
    resources.communicators[stream] = communicators.by_stream[stream].get();
  }
  for (const auto& [at, each] : communicators.groups) resources.groups[at] = each.get();
  constexpr Index graph = ~Index{0};
  std::atomic<Index> last = 0;
  world.on_loss([&](const world::Loss&) { communicators.abort(); });
  Result<RankExecution> run = [&] {
    world::Watchdog watchdog(world, patience_s, [&] {
      const Index op = last;
      if (op == graph) {
        return fmt::format("waits longer than {} s in the graph of its operations", patience_s);
      }
      return fmt::format("waits longer than {} s; the last operation it issued is {}, {}",
                         patience_s, op, line_of(schedule, schedule.operations[op]));
    });
    return execute_rank(schedule, rank, tensors, resources, [&](std::optional<Index> op) {
      last = op.value_or(graph);
      watchdog.progress();
    });
  }();
  world.on_loss({});
  if (run) return run;
  const auto loss = hear_of_loss(world);
  if (!loss) world.fail(run.error().text());
  // After it was told, so that others hear of the cause before they notice. Messages may be under
  // way that nobody will answer.
  communicators.abort();
  return loss ? infeasible(loss->text()) : run.error();
}

}  // namespace

Result<Execution> execute_in_world(const Schedule& schedule, Tensors& tensors, world::World& world,
                                   const RankMachine& machine, const ExecuteOptions& options) {
  if (schedule.ranks() != world.size()) {
    return bad_input("the plan is for another number of processes", std::to_string(world.size()),
                     std::to_string(schedule.ranks()));
  }
  HSAP_TRY(Communicators communicators,
           connect(schedule, world, machine.nodes, machine.at_once, machine.communicators));
  // In place: at full size a copy of a batch is tens of gigabytes, in each of a node's processes.
  host::make_room(schedule, tensors);
  HSAP_TRY(const RankExecution run,
           run_watched(schedule, tensors, world, machine, communicators, options.patience_s));
  Execution execution;
  execution.device_bytes = machine.device.allocated_bytes();
  HSAP_TRY(execution.used_bytes, machine.device.used_bytes());
  HSAP_TRY(execution.setup, machine.device.setup());
  HSAP_TRY(const std::vector<std::string> all, gather_all(world, encode(run, execution)));
  execution.run_s.assign(run.run_s.size(), 0);
  for (std::size_t from = 0; from < all.size(); ++from) {
    decode(schedule, static_cast<Rank>(from), all[from], execution);
  }
  if (machine.gathers_results) HSAP_CHECK(gather_results(schedule, world, tensors));
  return execution;
}

}  // namespace hsap::executor
