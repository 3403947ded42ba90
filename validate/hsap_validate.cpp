// hsap-validate: runs a plan and compares it with the truth, and probes any attention for leaks.

#include <cstdio>
#include <optional>
#include <string>

#include "base/files.hpp"
#include "base/names.hpp"
#include "base/units.hpp"
#include "cli/flags.hpp"
#include "cli/inputs.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/program.hpp"
#include "export/json_text.hpp"
#include "validate/cases/command.hpp"
#include "validate/probe/command.hpp"
#include "validate/run/report.hpp"

#ifdef HSAP_WITH_MPI
#include "validate/mpi/execute_mpi.hpp"
#endif
#ifdef HSAP_WITH_CUDA
#include "validate/device/cuda_device.hpp"
#include "validate/gpu/execute_local.hpp"
#endif
#ifdef HSAP_WITH_NCCL
#include "export/fingerprint.hpp"
#include "validate/nccl/process.hpp"
#include "validate/world/spawn.hpp"
#endif

namespace hsap {
namespace {

struct RunFlags {
  std::string plan;
  std::string executor = "host";
  validation::RunOptions options;
  std::string cluster = "single-gpu";
  int repeats = 1;
  bool serialise = false;
  int ranks = 0;
  std::string rendezvous;
  int max_sms = 0;
  int max_ctas = 0;
  cli::OutputOptions out;
};

Result<Arithmetic> parse_arithmetic(const std::string& text) {
  constexpr std::string_view names[] = {"fp32", "fp64"};
  return parse_name<Arithmetic>(text, "arithmetic", names);
}

Result<std::string> parse_executor(const std::string& text) {
  constexpr std::string_view names[] = {"host", "mpi", "local", "nccl"};
  HSAP_CHECK(parse_name<int>(text, "executor", names));
  return text;
}

Result<double> parse_tolerance(const std::string& text) {
  HSAP_TRY(const double value, parse_number(text, "tolerance"));
  if (value > 0) return value;
  return bad_input("tolerance out of range", "'" + text + "'", "a number above 0");
}

void add_run(CLI::App& app, RunFlags& flags) {
  CLI::App& run = *app.add_subcommand("run", "execute a plan on real numbers and check them");
  validation::RunOptions& options = flags.options;
  run.add_option("PLAN", flags.plan, "plan JSON that hsap-tune wrote")->required();
  cli::add_parsed(run, "--executor", flags.executor, parse_executor, "host|mpi|local|nccl",
                  "what runs it: host, ranks as threads of this machine; mpi, one process for each "
                  "rank, under mpirun; local, all ranks on one GPU; nccl, one process and GPU for "
                  "each rank (host)");
  cli::add_integer(run, "--ranks", flags.ranks, 1, 1024, "N",
                   "nccl: start so many processes on this machine (the launcher's)");
  run.add_option("--rendezvous", flags.rendezvous,
                 "nccl: where processes meet, file:/path or tcp://host:port (the launcher's)");
  cli::add_integer(run, "--max-sms", flags.max_sms, 1, 1024, "N",
                   "local, nccl: multiprocessors that kernels take (all)");
  cli::add_integer(run, "--max-ctas", flags.max_ctas, 1, 1024, "N",
                   "nccl: thread blocks of its kernels (NCCL's choice)");
  cli::add_integer(run, "--batch", options.batch, 0, 1 << 20, "I", "which sampled batch (0)");
  cli::add_integer(run, "--tokens", options.tokens, 1, max_tokens, "N",
                   "shrink the documents in proportion to so many tokens (1K)");
  cli::add_parsed(run, "--dtype", options.dtype, parse_dtype, "bf16|fp32",
                  "of everything at rest and on the way (bf16)");
  cli::add_parsed(run, "--arithmetic", options.arithmetic, parse_arithmetic, "fp32|fp64",
                  "of sums; fp64 also keeps and sends float64 (fp32)");
  cli::add_parsed(run, "--tolerance", options.tolerance, parse_tolerance, "X",
                  "largest relative error (1e-2 with bf16, 2e-6 with fp32, 1e-10 with fp64)");
  cli::add_integer(run, "--leaks", options.leaks, 0, 1 << 20, "N",
                   "change so many documents one by one; no other may notice (0)");
  cli::add_integer(run, "--gradients", options.gradients, 0, 1 << 20, "N",
                   "hold the gradients against central differences at so many places (0)");
  run.add_option("--cluster", flags.cluster,
                 "local: whose GPU times are predicted for (single-gpu)");
  cli::add_integer(run, "--repeats", flags.repeats, 1, 10'000, "N",
                   "local: run so often; times are medians (1)");
  run.add_flag(
      "--serialise", flags.serialise,
      "local: one operation after the other, so that their times are those of kernels alone");
  cli::add_integer(run, "--seed", options.seed, 0, std::int64_t{1} << 62, "N", "of the inputs (1)");
  cli::add_output(run, flags.out);
}

Status run_plan(const RunFlags& flags) {
  const cli::Target json{"--json", flags.out.json};
  HSAP_CHECK(cli::check_targets({&json, 1}, flags.out.force));
  HSAP_TRY(const Plan plan, read_plan(flags.plan));
  HSAP_TRY(const validation::Validation result, validation::validate_plan(plan, flags.options));
  if (!json.path.empty()) {
    HSAP_CHECK(cli::write_target(json, json_text(validation::to_json(result)), flags.out.force));
  }
  if (!flags.out.quiet && json.path != "-") {
    HSAP_CHECK(cli::print_stdout(validation::report(result, cli::wants_color(flags.out.color))));
  }
  const std::string objection = validation::objection(result);
  if (objection.empty()) return {};
  return infeasible(objection);
}

#if defined(HSAP_WITH_MPI) || defined(HSAP_WITH_NCCL)
Status can_begin(const RunFlags& flags, bool writes) {
  const cli::Target json{"--json", flags.out.json};
  if (writes) HSAP_CHECK(cli::check_targets({&json, 1}, flags.out.force));
  HSAP_CHECK(read_plan(flags.plan));
  return {};
}

Status take_part(const RunFlags& flags) {
  HSAP_TRY(const Plan plan, read_plan(flags.plan));
  HSAP_CHECK(validation::validate_plan(plan, flags.options));
  return {};
}

#endif

#ifdef HSAP_WITH_MPI
/// Every process runs its rank, and one of them tells the result.
Status run_plan_over_mpi(RunFlags flags, mpi::Session& session) {
  flags.options.executor_name = "mpi";
  flags.options.executor = [&](const Schedule& schedule, Tensors& tensors,
                               const ExecuteOptions& options) {
    return session.execute(schedule, tensors, options);
  };
  // A process that cannot begin must not leave the others waiting in the middle of the run.
  HSAP_CHECK(session.agree(can_begin(flags, session.speaks())));
  if (session.speaks()) return session.agree(run_plan(flags));
  flags.options.compares = false;
  return session.agree(take_part(flags));
}
#endif

/// All ranks on the GPU of this machine.
Status run_plan_on_gpu(const RunFlags& given) {
  if (given.options.arithmetic == Arithmetic::fp64) {
    return cli::at_flag("--arithmetic", bad_input("the GPU sums in fp32", "'fp64'", "fp32"));
  }
#ifdef HSAP_WITH_CUDA
  RunFlags flags = given;
  HSAP_TRY(const ClusterSpec cluster, load_cluster(flags.cluster));
  flags.options.device = cluster.device;
  flags.options.executor_name = "local";
  const executor::LocalOptions local{flags.serialise, flags.repeats};
  device::CudaDevice::Options on_device;
  on_device.max_sms = flags.max_sms;
  flags.options.executor = [local, on_device](const Schedule& schedule, Tensors& tensors,
                                              const ExecuteOptions&) -> Result<Execution> {
    HSAP_TRY(const auto device, device::CudaDevice::make(on_device));
    return executor::execute_local(schedule, tensors, *device, local);
  };
  return run_plan(flags);
#else
  return cli::at_flag("--executor", bad_input("this hsap was built without CUDA", "'local'",
                                              "'host', or a build where nvcc is found"));
#endif
}

#ifdef HSAP_WITH_NCCL
/// Starts this command once for each rank.
Status spawn_ranks(int ranks, int argc, char** argv) {
  world::SpawnOptions options;
  options.out = [](std::string_view lines) {
    static_cast<void>(cli::print_stdout(std::string(lines)));
  };
  options.err = [](std::string_view lines) { std::fwrite(lines.data(), 1, lines.size(), stderr); };
  HSAP_TRY(const world::SpawnReport report,
           world::spawn_local(ranks, world::this_command(argc, argv), options));
  if (report.exit_code() == 0) return {};
  Error error = infeasible(report.text());
  if (report.exit_code() == 2) error.kind = ErrorKind::bad_input;
  return error;
}

Status run_rank(RunFlags& flags, nccl::Process& process) {
  if (process.speaks()) return run_plan(flags);
  flags.options.compares = false;
  return take_part(flags);
}
#endif

/// One process for each rank, each on its GPU.
Status run_plan_over_nccl(const RunFlags& given, int argc, char** argv) {
#ifdef HSAP_WITH_NCCL
  RunFlags flags = given;
  const world::Environment environment = world::process_environment();
  HSAP_CHECK(can_begin(flags, false));
  HSAP_CHECK(device::CudaDevice::count());
  if (flags.ranks > 0 && !world::is_spawned(environment)) {
    return spawn_ranks(flags.ranks, argc, argv);
  }
  std::optional<world::Rendezvous> meet;
  if (!flags.rendezvous.empty()) {
    auto parsed = world::parse_rendezvous(flags.rendezvous);
    if (!parsed) return cli::at_flag("--rendezvous", parsed.error());
    meet = *parsed;
  }
  HSAP_TRY(const world::Place place, world::find_place(environment, meet));
  constexpr std::int64_t most_bytes = std::int64_t{1} << 30;
  HSAP_TRY(const std::string text, read_file(flags.plan, most_bytes));
  HSAP_TRY(const auto process,
           nccl::Process::join(place, fnv1a64(text), {flags.max_sms, flags.max_ctas, false}));
  flags.options.executor_name = process->shares_gpus() ? "nccl, GPUs shared" : "nccl";
  flags.options.executor = [&](const Schedule& schedule, Tensors& tensors,
                               const ExecuteOptions& options) {
    return process->execute(schedule, tensors, options);
  };
  return process->finish(run_rank(flags, *process));
#else
  static_cast<void>(argc);
  static_cast<void>(argv);
  return cli::at_flag("--executor",
                      bad_input("this hsap was built without NCCL", "'" + given.executor + "'",
                                "'host', or a build where nvcc and NCCL are found"));
#endif
}

int run_program(int argc, char** argv) {
  CLI::App app("run plans and compare them with the truth; test any attention", "hsap-validate");
  app.require_subcommand(1);
  RunFlags flags;
  add_run(app, flags);
  ProbeCommand probe;
  probe.add(app);
  CasesCommand cases;
  cases.add(app);
#ifdef HSAP_WITH_MPI
  // Outlives the telling of errors: its end may abort all processes.
  std::optional<mpi::Session> session;
#endif
  return cli::run_main(app, argc, argv, [&]() -> Status {
    if (app.got_subcommand("probe")) return probe.run();
    if (app.got_subcommand("cases")) return cases.run();
    if (flags.executor == "host") return run_plan(flags);
    if (flags.executor == "local") return run_plan_on_gpu(flags);
    if (flags.executor == "nccl") return run_plan_over_nccl(flags, argc, argv);
#ifdef HSAP_WITH_MPI
    session.emplace();
    return run_plan_over_mpi(flags, *session);
#else
    return cli::at_flag("--executor", bad_input("this hsap was built without MPI", "'mpi'",
                                                "'host', or a build with libopenmpi-dev"));
#endif
  });
}

}  // namespace
}  // namespace hsap

int main(int argc, char** argv) {
  return hsap::cli::guard([&] { return hsap::run_program(argc, argv); });
}
