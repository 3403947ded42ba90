#include "validate/probe/command.hpp"

#include <fmt/format.h>

#include "cli/flags.hpp"
#include "cli/inputs.hpp"
#include "cli/output.hpp"
#include "cli/table.hpp"
#include "export/json/text.hpp"
#include "validate/probe/check.hpp"
#include "validate/probe/folders.hpp"

namespace hsap {
namespace {

/// Numbers of q that a probe may have: a gigabyte in float64.
constexpr std::int64_t most_numbers = std::int64_t{1} << 27;

Result<double> parse_tolerance(const std::string& text) {
  HSAP_TRY(const double value, parse_number(text, "tolerance"));
  if (value >= 0) return value;
  return bad_input("tolerance out of range", "'" + text + "'", "at least 0");
}

Result<Answers> read_all(const std::string& directory, const Probe& probe,
                         const std::vector<Role>& roles) {
  Answers answers;
  HSAP_TRY(answers.base, read_answers(directory, base_folder, probe, roles));
  for (const int document : probe.replaced) {
    HSAP_TRY(Tensors tensors, read_answers(directory, replaced_folder(document), probe, roles));
    answers.replaced.push_back(std::move(tensors));
  }
  HSAP_TRY(answers.permuted, read_answers(directory, permuted_folder, probe, roles));
  return answers;
}

}  // namespace

void ProbeCommand::add_problem(cli::Command& command) {
  command.add_option("--documents", documents_, "document lengths in tokens (300,1,200)")
      .type_name("N,N,...")
      .required();
  cli::add_integer(command, "--heads", model_.heads, 1, 4096, "H", "query heads").required();
  cli::add_integer(command, "--kv-heads", model_.kv_heads, 1, 4096, "K",
                   "key/value heads (as --heads)");
  cli::add_integer(command, "--head-dim", model_.head_dim, 8, 1024, "D", "numbers in a head (128)");
  cli::add_parsed(command, "--mask", mask_, parse_mask, "MASK", "inside each document (causal)");
  cli::add_integer(command, "--seed", seed_, 0, std::int64_t{1} << 62, "N",
                   "seed of the random inputs (1)");
}

void ProbeCommand::add(cli::Command& app) {
  command_ = app.add_subcommand("probe", "test any attention for leaks across packed documents");
  command_->require_subcommand();
  cli::Command write = command_->add_subcommand("write", "write the inputs as .npy files");
  write.add_option("DIR", directory_, "folder to write").required();
  add_problem(write);
  cli::add_integer(write, "--probes", probes_, 1, 1 << 20, "N", "documents to replace at most (4)");
  write.add_flag("--force", out_.force, "write into a folder that exists");
  cli::Command check = command_->add_subcommand("check", "judge the outputs written beside them");
  check.add_option("DIR", directory_, "folder that `probe write` wrote").required();
  check.add_flag("--exact-order", exact_order_,
                 "another order of documents must not change a bit either");
  cli::Command gradients = command_->add_subcommand(
      "gradients", "hold the gradients of the float64 reference against central differences");
  add_problem(gradients);
  cli::add_integer(gradients, "--samples", samples_, 1, 1 << 20, "N",
                   "random places in each of q, k and v (64)");
  for (cli::Command* command : {&check, &gradients}) {
    cli::add_parsed(
        *command, "--tolerance", tolerance_, parse_tolerance, "X",
        command == &check ? "largest relative error (1e-2)" : "largest relative error (1e-7)");
  }
  cli::add_output(check, out_);
}

Result<Problem> ProbeCommand::problem() const {
  Result<Batch> batch = parse_documents(documents_);
  if (!batch) return cli::at_flag("--documents", std::move(batch).error());
  HSAP_TRY(const Model model, cli::read_model(model_, {}));
  const std::int64_t numbers = std::int64_t{batch->tokens()} * model.heads.query * model.heads.dim;
  if (numbers > most_numbers) {
    return cli::at_flag("--documents", bad_input("too large for a reference in float64",
                                                 fmt::format("{} numbers in q", numbers),
                                                 fmt::format("at most {}", most_numbers)));
  }
  return Problem{*batch, mask_, model.heads, Dtype::fp32};
}

Status ProbeCommand::write() const {
  HSAP_TRY(const Problem question, problem());
  return write_probe(directory_, make_probe(question, seed_, probes_), out_.force);
}

Status ProbeCommand::check() const {
  const cli::OutputFile json{"--json", out_.json};
  HSAP_CHECK(cli::check_outputs({&json, 1}, out_.force));
  HSAP_TRY(const Probe probe, read_probe(directory_));
  const std::vector<Role> roles = answered(directory_);
  HSAP_TRY(const Answers answers, read_all(directory_, probe, roles));
  const ProbeReport report = judge(probe, roles, answers, tolerance_.value_or(1e-2), exact_order_);
  HSAP_CHECK(cli::write_output(json, json_text(probe_report_json(report)), out_.force));
  if (!out_.quiet && !cli::takes_stdout({&json, 1})) {
    HSAP_CHECK(cli::print_stdout(probe_table(report, cli::wants_color(out_.color))));
  }
  const std::vector<std::string> failures = report.failures();
  if (failures.empty()) return {};
  return infeasible(failures.front());
}

Status ProbeCommand::gradients() const {
  HSAP_TRY(const Problem question, problem());
  Tensors tensors = random_inputs(question, seed_);
  reference_attention(question, tensors);
  const double tolerance = tolerance_.value_or(1e-7);
  cli::Table table({{"tensor"}, {"places"}, {"error"}, {"worst at"}});
  std::string wrong;
  for (const GradientError& error : check_gradients(question, tensors, seed_, samples_)) {
    const std::string place =
        number_text({error.token, error.head, document_of(question, error.token)});
    const std::string name(to_string(error.role));
    table.add({name, std::to_string(error.samples), fmt::format("{:.2e}", error.relative), place});
    if (!(error.relative <= tolerance)) {
      wrong = fmt::format("{} is no gradient at {}", name, place);
    }
  }
  HSAP_CHECK(cli::print_stdout(table.text(false)));
  if (wrong.empty()) return {};
  return infeasible(wrong);
}

Status ProbeCommand::run() {
  if (command_->called("write")) return write();
  if (command_->called("check")) return check();
  return gradients();
}

}  // namespace hsap
