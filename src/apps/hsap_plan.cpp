// hsap-plan: show, check and export a plan that hsap-tune wrote.

#include <fmt/format.h>

#include <sstream>
#include <string>

#include "apps/plan/check.hpp"
#include "apps/plan/view.hpp"
#include "cli/flags.hpp"
#include "cli/inputs.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/program.hpp"
#include "export/json/text.hpp"
#include "export/plan/layout.hpp"
#include "hsap/compile.hpp"
#include "hsap/export.hpp"

namespace hsap {
namespace {

struct PlanFlags {
  std::string plan;
  int batch = 0;
  std::optional<int> rank;  ///< of --schedule
  std::optional<Target> target;
  std::string output = "-";
  cli::OutputOptions out;
};

Result<Plan> open_plan(const PlanFlags& flags) {
  HSAP_TRY(Plan plan, read_plan(flags.plan));
  const auto batches = static_cast<int>(plan.problem.batches.size());
  if (flags.batch < batches) return plan;
  return cli::at_flag("--batch", bad_input("no such batch", std::to_string(flags.batch),
                                           fmt::format("a number below {}", batches)));
}

/// The program of one rank, in every pass of the plan.
Result<std::string> rank_program(const Plan& plan, int batch, int rank) {
  if (rank >= plan.strategy.ranks()) {
    return cli::at_flag("--schedule",
                        bad_input("no such rank", std::to_string(rank),
                                  fmt::format("a number below {}", plan.strategy.ranks())));
  }
  std::ostringstream text;
  for (const PlannedPass& item : passes_of(plan)) {
    if (item.batch != batch) continue;
    const Problem problem = problem_of(plan, batch, item.window);
    HSAP_TRY(const Schedule schedule, compile(problem, plan.strategy, item.pass));
    text << to_string(item.pass) << " of batch " << batch
         << (item.window ? " in layers with a window\n" : "\n");
    print(text, schedule, rank);
  }
  return text.str();
}

/// What `show` prints.
Result<std::string> shown(const Plan& plan, const PlanFlags& flags) {
  if (flags.rank) return rank_program(plan, flags.batch, *flags.rank);
  return apps::plan_view(plan, flags.batch, cli::wants_color(flags.out.color));
}

Status show(const PlanFlags& flags) {
  const cli::OutputFile json{"--json", flags.out.json};
  HSAP_CHECK(cli::check_outputs({&json, 1}, flags.out.force));
  const bool silent = flags.out.quiet || cli::takes_stdout({&json, 1});
  if (silent && flags.rank) {
    return cli::at_flag("--schedule", bad_input("means nothing beside --quiet and --json -", "both",
                                                "one of the two"));
  }
  HSAP_TRY(const Plan plan, open_plan(flags));
  // The layout of a strategy that cannot be compiled may be too large for any memory.
  if (auto reason = illegal(problem_of(plan, flags.batch), plan.strategy)) {
    return infeasible(*std::move(reason));
  }
  HSAP_TRY(const std::string text, shown(plan, flags));
  if (!json.path.empty()) {
    const std::string layout = json_text(layout_json(plan, flags.batch));
    HSAP_CHECK(cli::write_output(json, layout, flags.out.force));
  }
  if (silent) return {};
  return cli::print_stdout(text);
}

Status check(const PlanFlags& flags) {
  HSAP_TRY(const Plan plan, read_plan(flags.plan));
  HSAP_TRY(const std::vector<apps::Checked> all, apps::check_plan(plan, flags.out.threads));
  std::string text;
  std::string first;
  for (const apps::Checked& each : all) {
    const bool good = each.finding.empty();
    text += fmt::format("{}: {} ({} operations)\n", each.what, good ? "right" : "wrong",
                        each.operations);
    if (!good && first.empty()) first = each.what + ": " + each.finding;
  }
  if (!flags.out.quiet) HSAP_CHECK(cli::print_stdout(text));
  if (first.empty()) return {};
  return infeasible(first);
}

Status write_export(const PlanFlags& flags) {
  const cli::OutputFile file{"-o", flags.output};
  HSAP_CHECK(cli::check_outputs({&file, 1}, flags.out.force));
  HSAP_TRY(const Plan plan, read_plan(flags.plan));
  const Exported exported = export_plan(plan, *flags.target);
  HSAP_CHECK(cli::write_output(file, exported.text, flags.out.force));
  if (exported.notes.empty()) return {};
  return infeasible(fmt::format("{} cannot express all of the plan; wrote what is nearest:\n  {}",
                                to_string(*flags.target), fmt::join(exported.notes, "\n  ")));
}

cli::Command add_command(cli::Command& app, const char* name, const char* help, PlanFlags& flags) {
  cli::Command command = app.add_subcommand(name, help);
  command.add_option("PLAN", flags.plan, "plan JSON that hsap-tune wrote").required();
  return command;
}

void add_show(cli::Command& app, PlanFlags& flags) {
  cli::Command command =
      add_command(app, "show", "print a plan, its mesh and the layout of a batch", flags);
  cli::add_integer(command, "--batch", flags.batch, 0, 1 << 20, "I", "which sampled batch (0)");
  cli::add_integer(command, "--schedule", flags.rank, 0, 1 << 20, "RANK",
                   "print what this rank does instead");
  cli::add_output(command, flags.out);
}

void add_check(cli::Command& app, PlanFlags& flags) {
  cli::Command command =
      add_command(app, "check", "compile and verify every batch, and embedded schedules", flags);
  cli::add_threads(command, flags.out);
  command.add_flag("--quiet", flags.out.quiet, "only the exit code and findings");
}

void add_export(cli::Command& app, PlanFlags& flags) {
  cli::Command command = add_command(
      app, "export", "write the plan as options of a trainer; exit code 1 when something is lost",
      flags);
  cli::add_parsed(command, "--to", flags.target, parse_target,
                  "megatron|transformer-engine|yunchang|deepspeed|torchtitan", "the trainer")
      .required();
  command.add_option("-o,--output", flags.output, "file to write (stdout)").type_name("FILE");
  command.add_flag("--force", flags.out.force, "replace a file that exists");
}

int run_program(int argc, char** argv) {
  cli::Command app("hsap-plan", "show, check and export a plan of hsap-tune");
  app.require_subcommand();
  PlanFlags flags;
  add_show(app, flags);
  add_check(app, flags);
  add_export(app, flags);
  return cli::run_main(app, argc, argv, [&]() -> Status {
    if (app.called("show")) return show(flags);
    if (app.called("check")) return check(flags);
    return write_export(flags);
  });
}

}  // namespace
}  // namespace hsap

int main(int argc, char** argv) {
  return hsap::cli::guard([&] { return hsap::run_program(argc, argv); });
}
