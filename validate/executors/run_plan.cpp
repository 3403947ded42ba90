#include "validate/executors/run_plan.hpp"

#include <string>
#include <vector>

#include "cli/inputs.hpp"
#include "cli/output.hpp"
#include "cli/terminal.hpp"
#include "export/json/text.hpp"
#include "validate/cases/keep.hpp"
#include "validate/executors/executors.hpp"
#include "validate/run/report.hpp"
#include "validate/run/timeline.hpp"

namespace hsap::validation {
namespace {

std::vector<cli::OutputFile> outputs_of(const RunFlags& flags) {
  return {{"--json", flags.out.json}, {"--timeline", flags.out.timeline}, {"--keep", flags.keep}};
}

Status write_files(const RunFlags& flags, const Validation& result) {
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

}  // namespace

Status check_outputs(const RunFlags& flags) {
  return cli::check_outputs(outputs_of(flags), flags.out.force);
}

Status run_plan(const RunFlags& flags) {
  HSAP_CHECK(check_outputs(flags));
  HSAP_TRY(const Plan plan, read_plan(flags.plan));
  cli::Progress progress(!flags.out.quiet && cli::can_rewrite_line());
  RunOptions options = flags.options;
  options.progress = [&](const std::string& what, std::size_t number, std::size_t total) {
    progress.report(what, number, total);
  };
  HSAP_TRY(const Validation result, validate_plan(plan, options));
  progress.clear();
  Status written = write_files(flags, result);
  if (!flags.out.quiet && !cli::takes_stdout(outputs_of(flags))) {
    HSAP_CHECK(cli::print_stdout(report(result, cli::wants_color(flags.out.color))));
  }
  if (!written) return written;
  const std::string wrong = objection(result);
  if (wrong.empty()) return {};
  return infeasible(wrong);
}

Status take_part(const RunFlags& flags) {
  HSAP_TRY(const Plan plan, read_plan(flags.plan));
  HSAP_CHECK(validate_plan(plan, flags.options));
  return {};
}

Status run_on_host(const RunFlags& flags) { return run_plan(flags); }

}  // namespace hsap::validation
