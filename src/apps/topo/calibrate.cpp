#include "apps/topo/calibrate.hpp"

#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "apps/topo/calibrate_picture.hpp"
#include "apps/topo/calibrate_report.hpp"
#include "apps/topo/measure_gpu.hpp"
#include "apps/topo/measured_tables.hpp"
#include "cli/flags.hpp"
#include "cli/inputs.hpp"
#include "cli/output.hpp"
#include "cost/calibrate/calibrate.hpp"
#include "cost/measurements/read.hpp"
#include "export/json/cluster.hpp"
#include "export/json/text.hpp"

namespace hsap::apps {
namespace {

Result<fit::Data> read_data(const CalibrateFlags& flags, int gpus_per_node) {
  fit::Data data;
  for (const std::string& file : flags.kernels) HSAP_CHECK(fit::read_kernels(file, data));
  for (const std::string& file : flags.copies) HSAP_CHECK(fit::read_copies(file, data));
  for (const std::string& file : flags.transfers) HSAP_CHECK(fit::read_transfers(file, data));
  for (const std::string& file : flags.nccl) {
    HSAP_CHECK(fit::read_nccl(file, gpus_per_node, data));
  }
  if (data.files.empty()) {
    return bad_input("nothing to fit to", "no file",
                     "--kernels, --copies, --transfers or --nccl FILE");
  }
  if (data.kernels.empty() && data.copies.empty() && data.transfers.empty() &&
      data.unused.empty()) {
    Error error = bad_input("nothing to fit to", "no rows", "measurements below the header");
    error.file = data.files.front();
    return error;
  }
  return data;
}

Result<double> parse_budget(const std::string& text) {
  constexpr double most_s = 3600;
  HSAP_TRY(const double value, parse_number(text, "budget"));
  if (value >= 1 && value <= most_s) return value;
  return bad_input("budget out of range", "'" + text + "'", "1 to 3600 seconds");
}

/// Fits, and writes and tells what comes out.
Status fit_to(const CalibrateFlags& flags, const ClusterSpec& base, const std::string& before) {
  const cli::OutputOptions& out = flags.out;
  const std::array files{cli::OutputFile{"-o", flags.output}, cli::OutputFile{"--json", out.json},
                         cli::OutputFile{"--picture", flags.picture}};
  HSAP_TRY(const fit::Data data, read_data(flags, base.gpus_per_node()));
  HSAP_TRY(fit::Calibration found, fit::calibrate(base, flags.nodes, data));
  if (!flags.name.empty()) found.spec.name = flags.name;
  HSAP_CHECK(cli::write_output(files[0], json_text(to_json(found.spec)), out.force));
  HSAP_CHECK(cli::write_output(files[1], json_text(calibration_json(base, found)), out.force));
  if (!flags.picture.empty()) {
    HSAP_CHECK(cli::write_output(files[2], calibration_picture(found), out.force));
  }
  if (out.quiet || cli::takes_stdout(files)) return {};
  return cli::print_stdout(before + calibration_report(found, cli::wants_color(out.color)));
}

Status check_outputs(const CalibrateFlags& flags) {
  std::vector<cli::OutputFile> files{
      {"-o", flags.output}, {"--json", flags.out.json}, {"--picture", flags.picture}};
  if (flags.gpu) {
    for (const char* name : table_names) {
      files.push_back({"--tables", flags.tables + "/" + name});
    }
  }
  return cli::check_outputs(files, flags.out.force);
}

/// This process as one of several, or alone without rounds; nothing where it has nothing to tell.
Result<std::optional<WorldMeasured>> measure_all(const CalibrateFlags& flags,
                                                 const std::vector<std::string>& command,
                                                 const Begin& begin) {
  cli::Progress progress(!flags.out.quiet && cli::can_rewrite_line());
  measure::Options options;
  options.budget_s = flags.budget_s;
  options.progress = [&](const std::string& what, std::size_t done, std::size_t total) {
    progress.report(what, done, total);
  };
  if (is_one_of_several(flags.world)) return measure_world(flags.world, command, options, begin);
  WorldMeasured found;
  HSAP_TRY(found.device, measure_gpu(0, options, begin));
  return std::optional<WorldMeasured>(std::move(found));
}

Status measure_and_fit(CalibrateFlags flags, const std::vector<std::string>& command) {
  std::optional<ClusterSpec> base;
  // Nobody waits for a result that cannot be kept.
  const auto begin = [&](const measure::Machine& machine) -> Status {
    auto from = flags.cluster.empty() ? base_for(machine, !is_one_of_several(flags.world))
                                      : load_cluster(flags.cluster);
    if (!from) return cli::at_flag("--cluster", from.error());
    base = *std::move(from);
    std::error_code failed;
    std::filesystem::create_directories(flags.tables, failed);  // whatever fails shows below
    if (flags.output.empty()) flags.output = flags.tables + "/cluster.json";
    if (flags.picture.empty()) flags.picture = flags.tables + "/calibration.svg";
    return check_outputs(flags);
  };
  HSAP_TRY(const std::optional<WorldMeasured> found, measure_all(flags, command, begin));
  if (!found || !base) return {};
  HSAP_TRY(const MeasuredTables tables,
           write_tables(*found, base->gpus_per_node(), flags.tables, flags.out.force));
  if (found->device.failure) {
    Error error = *found->device.failure;
    error.message =
        fmt::format("{} (what was measured before is in {})", error.message, tables.kernels);
    return error;
  }
  flags.kernels = {tables.kernels};
  flags.copies = {tables.copies};
  if (!tables.transfers.empty()) flags.transfers = {tables.transfers};
  describe(found->device, *base);
  std::string text = measured_text(found->device);
  if (found->interference) text += text_of(*found->interference);
  if (!found->rounds.rounds.empty()) {
    text += fmt::format("  {} rounds of messages between {} ranks, {} skipped for want of time\n",
                        found->rounds.rounds.size(), found->nodes.size(), found->rounds.skipped);
  }
  return fit_to(flags, *base, text);
}

}  // namespace

void add_calibrate(cli::Command& app, CalibrateFlags& flags) {
  cli::Command command = app.add_subcommand(
      "calibrate", "fit the numbers of a cluster file to measured kernels and messages");
  command.add_option("--cluster", flags.cluster, "the cluster to start from")
      .type_name("NAME|FILE");
  cli::add_integer(command, "--nodes", flags.nodes, 1, max_cluster_gpus, "N",
                   "nodes of the cluster that was measured (as many as the messages name)");
  const std::array tables{
      command.add_option("--kernels", flags.kernels,
                         "attention kernels: a table with the columns "
                         "q_len,kv_len,heads,head_dim,mask,pass,us, and document for packed ones"),
      command.add_option("--copies", flags.copies,
                         "kernels that move rows: a table with the columns kernel,bytes,us"),
      command.add_option("--transfers", flags.transfers,
                         "rounds of messages: a table with the columns pattern,bytes,us"),
      command.add_option("--nccl", flags.nccl,
                         "logs of sendrecv of nccl-tests, as printed or as JSON (-J)")};
  command.add_option("--name", flags.name, "of the new cluster (that of the base)");
  command.add_option("-o,--output", flags.output, "cluster file to write").type_name("FILE|-");
  command.add_option("--picture", flags.picture, "measured against fitted, as SVG")
      .type_name("FILE|-");
  cli::Flag gpu = command.add_flag(
      "--gpu", flags.gpu, "measure this machine's GPU first; keeps the tables, then fits to them");
  for (cli::Flag table : tables) gpu.excludes(table.type_name("FILE"));
  command
      .add_option("--tables", flags.tables,
                  "--gpu: folder for tables, runtime, cluster and picture (calibration)")
      .type_name("FOLDER")
      .needs(gpu);
  cli::add_parsed(command, "--budget", flags.budget_s, parse_budget, "SECONDS",
                  "--gpu: begin no measurement later (60)")
      .needs(gpu);
  cli::add_integer(command, "--ranks", flags.world.ranks, 1, 1024, "N",
                   "--gpu: start so many processes, each with a GPU, and measure messages between "
                   "them too (the launcher's)")
      .needs(gpu);
  command
      .add_option("--rendezvous", flags.world.rendezvous,
                  "--gpu: where processes meet, file:/path or tcp://host:port (the launcher's)")
      .needs(gpu);
  cli::add_output(command, flags.out);
}

Status run_calibrate(const CalibrateFlags& flags, const std::vector<std::string>& command) {
  if (flags.gpu) return measure_and_fit(flags, command);
  if (flags.cluster.empty()) {
    return bad_input("--cluster is required", "no cluster", "the cluster to start from");
  }
  HSAP_CHECK(check_outputs(flags));
  const Result<ClusterSpec> base = load_cluster(flags.cluster);
  if (!base) return cli::at_flag("--cluster", base.error());
  return fit_to(flags, *base, {});
}

}  // namespace hsap::apps
