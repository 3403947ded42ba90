// hsap-validate: runs a plan and compares it with the truth, and probes any attention for leaks.

#include <memory>

#include "cli/command.hpp"
#include "cli/program.hpp"
#include "validate/cases/command.hpp"
#include "validate/executors/executors.hpp"
#include "validate/probe/command.hpp"

namespace hsap {
namespace {

using validation::Executor;

int run_program(int argc, char** argv) {
  cli::Command app("hsap-validate",
                   "run plans and compare them with the truth; test any attention");
  app.require_subcommand();
  validation::RunFlags flags;
  flags.add(app);
  ProbeCommand probe;
  probe.add(app);
  CasesCommand cases;
  cases.add(app);
  std::shared_ptr<void> session;
  return cli::run_main(app, argc, argv, [&]() -> Status {
    if (app.called("probe")) return probe.run();
    if (app.called("cases")) return cases.run();
    HSAP_CHECK(flags.check());
    flags.options.executor_name = to_string(flags.executor);
    flags.options.compares = !flags.times_only;
    switch (flags.executor) {
      case Executor::host:
        return validation::run_on_host(flags);
      case Executor::mpi:
        return validation::run_over_mpi(flags, session);
      case Executor::local:
        return validation::run_on_gpu(flags);
      case Executor::nccl:
        return validation::run_over_nccl(flags, argc, argv);
    }
    return {};
  });
}

}  // namespace
}  // namespace hsap

int main(int argc, char** argv) {
  return hsap::cli::guard([&] { return hsap::run_program(argc, argv); });
}
