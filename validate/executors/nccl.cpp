#include <fmt/format.h>

#include "base/files.hpp"
#include "export/plan/fingerprint.hpp"
#include "validate/device/cuda_device.hpp"
#include "validate/executors/executors.hpp"
#include "validate/executors/run_plan.hpp"
#include "validate/nccl/process.hpp"
#include "validate/world/program.hpp"
#include "validate/world/spawn.hpp"

namespace hsap::validation {
namespace {

/// Times are predicted only for a run that is where the prediction has it.
void say_where(const nccl::Process& process, Machine machine, const nccl::ProcessOptions& asked,
               RunOptions& options) {
  const bool graph = asked.graph;
  options.where = "processes with a GPU each, over NCCL";
  if (graph) options.where += " in a CUDA graph";
  if (asked.max_sms == 0 && asked.communication_sms > 0) {
    options.where += fmt::format(", {} multiprocessors kept for messages", asked.communication_sms);
  }
  options.query_gradients = QueryGradients::rounded;
  if (process.shares_gpus()) {
    options.where =
        fmt::format("processes that share GPUs, over NCCL on loopback{}: times mean nothing",
                    graph ? " in a CUDA graph" : "");
  } else if (!process.fills_nodes(machine.cluster.gpus_per_node())) {
    options.where += fmt::format(", not {} to a machine as on {}: no times are predicted",
                                 machine.cluster.gpus_per_node(), machine.cluster.name);
  } else if (process.speaks()) {
    options.machine = std::move(machine);
  }
}

Status run_rank(RunFlags& flags, nccl::Process& process) {
  if (process.speaks()) return run_plan(flags);
  flags.options.tells = false;
  return take_part(flags);
}

}  // namespace

Status run_over_nccl(const RunFlags& given, int argc, char** argv) {
  RunFlags flags = given;
  const world::Environment environment = world::process_environment();
  HSAP_TRY(const Plan plan, read_plan(flags.plan));
  HSAP_TRY(Machine machine, machine_of(plan, flags.cluster));
  HSAP_CHECK(device::CudaDevice::count());
  if (flags.ranks > 0 && !world::is_spawned(environment)) {
    HSAP_CHECK(check_outputs(flags));
    return world::run_ranks(flags.ranks, world::this_command(argc, argv));
  }
  HSAP_TRY(const world::Place place, world::find_own_place(environment, flags.rendezvous));
  if (place.rank == 0) HSAP_CHECK(check_outputs(flags));
  constexpr std::int64_t most_bytes = std::int64_t{1} << 30;
  HSAP_TRY(const std::string text, read_file(flags.plan, most_bytes));
  nccl::ProcessOptions asked;
  // What the prediction takes from kernels while messages move.
  const Runtime& runtime = machine.runtime;
  if (runtime.entry == Runtime::Entry::at_once) {
    asked.communication_sms = runtime.communication_multiprocessors;
  }
  asked.max_sms = flags.max_sms;
  asked.max_ctas = flags.max_ctas;
  asked.repeats = flags.repeats;
  asked.graph = flags.graph;
  asked.gathers_results = !flags.times_only || flags.options.leaks > 0;
  HSAP_TRY(const auto process, nccl::Process::join(place, fnv1a64(text), asked));
  say_where(*process, std::move(machine), asked, flags.options);
  flags.options.executor = [&](const Schedule& schedule, Tensors& tensors,
                               const ExecuteOptions& options) {
    return process->execute(schedule, tensors, options);
  };
  return process->finish(run_rank(flags, *process));
}

}  // namespace hsap::validation
