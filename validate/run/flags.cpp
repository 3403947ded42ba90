#include "validate/run/flags.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/names.hpp"
#include "base/units.hpp"
#include "cli/flags.hpp"
#include "cli/inputs.hpp"

namespace hsap::validation {
namespace {

constexpr std::string_view executor_names[] = {"host", "mpi", "local", "nccl"};

Result<Arithmetic> parse_arithmetic(const std::string& text) {
  constexpr std::string_view names[] = {"fp32", "fp64"};
  return parse_name<Arithmetic>(text, "arithmetic", names);
}

Result<double> parse_tolerance(const std::string& text) {
  HSAP_TRY(const double value, parse_number(text, "tolerance"));
  if (value > 0) return value;
  return bad_input("tolerance out of range", "'" + text + "'", "a number above 0");
}

std::string with_flag(Executor executor) {
  return fmt::format("--executor {}", to_string(executor));
}

std::string one_of(const std::vector<Executor>& executors) {
  std::vector<std::string> names;
  std::transform(executors.begin(), executors.end(), std::back_inserter(names), with_flag);
  return hsap::one_of(names);
}

}  // namespace

std::string_view to_string(Executor executor) {
  return executor_names[static_cast<std::size_t>(executor)];
}

Result<Executor> parse_executor(const std::string& text) {
  return parse_name<Executor>(text, "executor", executor_names);
}

void RunFlags::add(cli::Command& app) {
  cli::Command run = app.add_subcommand("run", "execute a plan on real numbers and check them");
  run.add_option("PLAN", plan, "plan JSON that hsap-tune wrote").required();
  cli::add_parsed(run, "--executor", executor, parse_executor, "host|mpi|local|nccl",
                  "what runs it: host, ranks as threads of this machine; mpi, one process for each "
                  "rank, under mpirun; local, all ranks on one GPU; nccl, one process and GPU for "
                  "each rank (host)");
  add_problem(run);
  add_executor(run);
  cli::add_output(run, out);
  limit(run.add_option("--timeline", out.timeline,
                       "local, nccl: Chrome trace of measured beside predicted operations, for "
                       "ui.perfetto.dev")
            .type_name("FILE|-")
            .group("Output"),
        {Executor::local, Executor::nccl});
  limit(run.add_option("--keep", keep,
                       "local with --serialise, nccl: the run as measured cases, for hsap-validate "
                       "cases")
            .type_name("FILE|-")
            .group("Output"),
        {Executor::local, Executor::nccl});
}

void RunFlags::add_problem(cli::Command& run) {
  cli::add_integer(run, "--batch", options.batch, 0, 1 << 20, "I", "which sampled batch (0)");
  run.add_flag("--window", options.window, "attention of the layers that see a window alone");
  cli::add_integer(run, "--tokens", options.tokens, 1, max_tokens, "N",
                   "shrink the documents in proportion to so many tokens (1K)");
  cli::add_parsed(run, "--dtype", options.dtype, parse_dtype, "bf16|fp32",
                  "of everything at rest and on the way (the plan's)");
  cli::add_parsed(run, "--arithmetic", options.arithmetic, parse_arithmetic, "fp32|fp64",
                  "of sums; fp64 also keeps and sends float64, and GPUs do not know it (fp32)");
  cli::add_parsed(
      run, "--tolerance", options.tolerance, parse_tolerance, "X",
      "largest relative error (1e-2 with bf16, 3e-2 with gradients in bf16, 2e-6 with fp32, "
      "1e-10 with fp64)");
  cli::add_integer(run, "--leaks", options.leaks, 0, 1 << 20, "N",
                   "change so many documents one by one; no other may notice (0)");
  cli::add_integer(run, "--gradients", options.gradients, 0, 1 << 20, "N",
                   "hold the gradients against central differences at so many places (0)");
  cli::add_integer(run, "--seed", options.seed, 0, std::int64_t{1} << 62, "N", "of the inputs (1)");
}

void RunFlags::add_executor(cli::Command& run) {
  const std::string group = "On GPUs";
  const auto add = [&](cli::Flag option, std::initializer_list<Executor> executors) {
    option.group(group);
    limit(option, executors);
  };
  using enum Executor;
  add(run.add_option("--cluster", cluster,
                     "what times are predicted for; local: its GPU (single-gpu); nccl: all of it "
                     "(the plan's)")
          .type_name("NAME|FILE"),
      {local, nccl});
  add(cli::add_integer(run, "--repeats", repeats, 1, 10'000, "N",
                       "local, nccl: run so often; times are medians (1)"),
      {local, nccl});
  add(run.add_flag("--graph", graph,
                   "local, nccl: repeats replay one CUDA graph of all operations, so that the host "
                   "issues nothing in them"),
      {local, nccl});
  add(run.add_flag("--serialise", serialise,
                   "local: one operation after the other, so that their times are those of kernels "
                   "alone"),
      {local});
  add(run.add_flag("--times-only", times_only,
                   "local, nccl: leave out the comparison with float64 on the host, which takes "
                   "long for many tokens"),
      {local, nccl});
  add(cli::add_integer(run, "--ranks", ranks, 1, 1024, "N",
                       "nccl: start so many processes on this machine (the launcher's)"),
      {nccl});
  add(run.add_option("--rendezvous", rendezvous,
                     "nccl: where processes meet, file:/path or tcp://host:port (the launcher's)"),
      {nccl});
  add(cli::add_integer(run, "--max-sms", max_sms, 1, 1024, "N",
                       "local, nccl: multiprocessors that kernels take (local: all; nccl: all but "
                       "those that the plan's runtime has communication take)"),
      {local, nccl});
  add(cli::add_integer(run, "--max-ctas", max_ctas, 1, 1024, "N",
                       "nccl: thread blocks of each communicator's kernels (its share of those "
                       "that the runtime has communication take)"),
      {nccl});
  add(run.add_flag("--urgent-communication", urgent_communication,
                   "local: communication goes before kernels where both are ready, as with nccl"),
      {local});
}

Status RunFlags::check() const {
  for (const Limited& flag : limited_) {
    const auto& users = flag.executors;
    if (!flag.option.given()) continue;
    if (std::find(users.begin(), users.end(), executor) != users.end()) continue;
    return cli::at_flag(
        flag.option.name().c_str(),
        bad_input("this executor does not use it", "'" + with_flag(executor) + "'", one_of(users)));
  }
  const bool on_gpu = executor == Executor::local || executor == Executor::nccl;
  if (on_gpu && options.arithmetic == Arithmetic::fp64) {
    return cli::at_flag("--arithmetic", bad_input("GPUs sum in fp32", "'fp64'", "'fp32'"));
  }
  if (!keep.empty() && executor == Executor::local && !serialise) {
    return cli::at_flag("--keep", bad_input("no prediction knows streams that share a GPU",
                                            "nothing", "--serialise beside it"));
  }
  if (times_only && (options.gradients > 0 || options.tolerance > 0)) {
    return cli::at_flag(
        "--times-only",
        bad_input("means nothing beside --gradients and --tolerance", "both", "one of the two"));
  }
  if (serialise && urgent_communication) {
    return cli::at_flag("--urgent-communication",
                        bad_input("means nothing beside --serialise", "both", "one of the two"));
  }
  return {};
}

}  // namespace hsap::validation
