// hsap-validate: runs a plan and compares it with the truth, and probes any attention for leaks.

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "cli/command.hpp"
#include "cli/inputs.hpp"
#include "cli/output.hpp"
#include "cli/program.hpp"
#include "cli/terminal.hpp"
#include "export/json/text.hpp"
#include "validate/cases/command.hpp"
#include "validate/cases/keep.hpp"
#include "validate/probe/command.hpp"
#include "validate/run/flags.hpp"
#include "validate/run/report.hpp"
#include "validate/run/timeline.hpp"

#ifdef HSAP_WITH_MPI
#include "validate/mpi/execute_mpi.hpp"
#endif
#ifdef HSAP_WITH_CUDA
#include "validate/device/cuda_device.hpp"
#include "validate/gpu/execute_local.hpp"
#endif
#ifdef HSAP_WITH_NCCL
#include <fmt/format.h>

#include "export/plan/fingerprint.hpp"
#include "validate/nccl/process.hpp"
#include "validate/world/program.hpp"
#include "validate/world/spawn.hpp"
#endif

namespace hsap {
namespace {

using validation::Executor;
using validation::RunFlags;

std::vector<cli::OutputFile> outputs_of(const RunFlags& flags) {
  return {{"--json", flags.out.json}, {"--timeline", flags.out.timeline}, {"--keep", flags.keep}};
}

Status check_outputs(const RunFlags& flags) {
  return cli::check_outputs(outputs_of(flags), flags.out.force);
}

Status write_files(const RunFlags& flags, const validation::Validation& result) {
  const auto write = [&](const char* flag, const std::string& path, const auto& text) -> Status {
    return path.empty() ? Status() : cli::write_output({flag, path}, text(), flags.out.force);
  };
  HSAP_CHECK(write("--json", flags.out.json, [&] { return json_text(to_json(result)); }));
  if (!flags.out.timeline.empty() && !result.machine) {
    return cli::at_flag("--timeline", infeasible("not predicted: " + result.where));
  }
  HSAP_CHECK(write("--timeline", flags.out.timeline, [&] { return timeline_text(result); }));
  if (flags.keep.empty() || !objection(result).empty()) return {};
  const Result<json::Ordered> kept = cases::cases_of(result, cases::today());
  if (!kept) return cli::at_flag("--keep", kept.error());
  return write("--keep", flags.keep, [&] { return json_text(*kept); });
}

Status run_plan(const RunFlags& flags) {
  HSAP_CHECK(check_outputs(flags));
  HSAP_TRY(const Plan plan, read_plan(flags.plan));
  cli::Progress progress(!flags.out.quiet && cli::can_rewrite_line());
  validation::RunOptions options = flags.options;
  options.progress = [&](const std::string& what, std::size_t number, std::size_t total) {
    progress.report(what, number, total);
  };
  HSAP_TRY(const validation::Validation result, validation::validate_plan(plan, options));
  progress.clear();
  Status written = write_files(flags, result);
  if (!flags.out.quiet && !cli::takes_stdout(outputs_of(flags))) {
    HSAP_CHECK(cli::print_stdout(validation::report(result, cli::wants_color(flags.out.color))));
  }
  if (!written) return written;
  const std::string objection = validation::objection(result);
  if (objection.empty()) return {};
  return infeasible(objection);
}

#if defined(HSAP_WITH_MPI) || defined(HSAP_WITH_NCCL)
Status take_part(const RunFlags& flags) {
  HSAP_TRY(const Plan plan, read_plan(flags.plan));
  HSAP_CHECK(validation::validate_plan(plan, flags.options));
  return {};
}

#endif

#ifdef HSAP_WITH_MPI
Status can_begin(const RunFlags& flags, bool writes) {
  if (writes) HSAP_CHECK(check_outputs(flags));
  HSAP_CHECK(read_plan(flags.plan));
  return {};
}

/// Every process runs its rank, and one of them tells the result.
Status run_plan_over_mpi(RunFlags flags, mpi::Session& session) {
  flags.options.where = "processes of MPI";
  flags.options.executor = [&](const Schedule& schedule, Tensors& tensors,
                               const ExecuteOptions& options) {
    return session.execute(schedule, tensors, options);
  };
  // A process that cannot begin must not leave the others waiting in the middle of the run.
  HSAP_CHECK(session.agree(can_begin(flags, session.speaks())));
  if (session.speaks()) return session.agree(run_plan(flags));
  flags.options.tells = false;
  return session.agree(take_part(flags));
}
#endif

/// All ranks on the GPU of this machine.
Status run_plan_on_gpu(const RunFlags& given) {
#ifdef HSAP_WITH_CUDA
  RunFlags flags = given;
  HSAP_TRY(flags.options.machine, validation::one_device_of(flags.cluster));
  flags.options.where = flags.graph ? "streams of one GPU in a CUDA graph" : "streams of one GPU";
  flags.options.query_gradients = QueryGradients::rounded;
  const executor::LocalOptions local{flags.serialise, flags.repeats, flags.graph};
  device::CudaDevice::Options on_device;
  on_device.max_sms = flags.max_sms;
  on_device.urgent_communication = flags.urgent_communication;
  flags.options.executor = [local, on_device](const Schedule& schedule, Tensors& tensors,
                                              const ExecuteOptions&) -> Result<Execution> {
    HSAP_TRY(const auto device, device::CudaDevice::make(on_device));
    return executor::execute_local(schedule, tensors, *device, local);
  };
  return run_plan(flags);
#else
  static_cast<void>(given);
  return cli::at_flag("--executor", infeasible("this hsap was built without CUDA; 'local' needs a "
                                               "build where nvcc is found"));
#endif
}

#ifdef HSAP_WITH_NCCL
/// Times are predicted only for a run that is where the prediction has it.
void say_where(const nccl::Process& process, validation::Machine machine,
               const nccl::ProcessOptions& asked, validation::RunOptions& options) {
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
#endif

/// One process for each rank, each on its GPU.
Status run_plan_over_nccl(const RunFlags& given, int argc, char** argv) {
#ifdef HSAP_WITH_NCCL
  RunFlags flags = given;
  const world::Environment environment = world::process_environment();
  HSAP_TRY(const Plan plan, read_plan(flags.plan));
  HSAP_TRY(validation::Machine machine, validation::machine_of(plan, flags.cluster));
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
#else
  static_cast<void>(given);
  static_cast<void>(argc);
  static_cast<void>(argv);
  return cli::at_flag("--executor", infeasible("this hsap was built without NCCL; 'nccl' needs a "
                                               "build where nvcc and NCCL are found"));
#endif
}

int run_program(int argc, char** argv) {
  cli::Command app("hsap-validate",
                   "run plans and compare them with the truth; test any attention");
  app.require_subcommand();
  RunFlags flags;
  flags.add(app);
  ProbeCommand probe;
  probe.add(app);
  CasesCommand cases;
  cases.add(app);
#ifdef HSAP_WITH_MPI
  // Outlives the telling of errors: its end may abort all processes.
  std::optional<mpi::Session> session;
#endif
  return cli::run_main(app, argc, argv, [&]() -> Status {
    if (app.called("probe")) return probe.run();
    if (app.called("cases")) return cases.run();
    HSAP_CHECK(flags.check());
    flags.options.executor_name = to_string(flags.executor);
    flags.options.compares = !flags.times_only;
    if (flags.executor == Executor::host) return run_plan(flags);
    if (flags.executor == Executor::local) return run_plan_on_gpu(flags);
    if (flags.executor == Executor::nccl) return run_plan_over_nccl(flags, argc, argv);
#ifdef HSAP_WITH_MPI
    session.emplace();
    return run_plan_over_mpi(flags, *session);
#else
    return cli::at_flag("--executor", infeasible("this hsap was built without MPI; 'mpi' needs a "
                                                 "build with libopenmpi-dev"));
#endif
  });
}

}  // namespace
}  // namespace hsap

int main(int argc, char** argv) {
  return hsap::cli::guard([&] { return hsap::run_program(argc, argv); });
}
