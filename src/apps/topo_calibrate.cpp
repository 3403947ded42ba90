#include "apps/topo_calibrate.hpp"

#include <array>

#include "apps/calibrate_report.hpp"
#include "cli/flags.hpp"
#include "cli/inputs.hpp"
#include "cli/output.hpp"
#include "cost/calibrate/calibrate.hpp"
#include "cost/calibrate/read.hpp"
#include "export/cluster_json.hpp"
#include "export/json_text.hpp"

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
  return data;
}

}  // namespace

void add_calibrate(CLI::App& app, CalibrateFlags& flags) {
  CLI::App& command = *app.add_subcommand(
      "calibrate", "fit the numbers of a cluster file to measured kernels and messages");
  command.add_option("--cluster", flags.cluster, "the cluster to start from")
      ->type_name("NAME|FILE")
      ->required();
  cli::add_integer(command, "--nodes", flags.nodes, 1, 1 << 16, "N",
                   "nodes of the cluster that was measured (as many as the messages name)");
  command
      .add_option("--kernels", flags.kernels,
                  "attention kernels: a table with the columns "
                  "q_len,kv_len,heads,head_dim,mask,pass,us, and document for packed ones")
      ->type_name("FILE");
  command
      .add_option("--copies", flags.copies,
                  "kernels that move rows: a table with the columns kernel,bytes,us")
      ->type_name("FILE");
  command
      .add_option("--transfers", flags.transfers,
                  "rounds of messages: a table with the columns pattern,bytes,us")
      ->type_name("FILE");
  command
      .add_option("--nccl", flags.nccl,
                  "logs of sendrecv of nccl-tests, as printed or as JSON (-J)")
      ->type_name("FILE");
  command.add_option("--name", flags.name, "of the new cluster (that of the base)");
  command.add_option("-o,--output", flags.output, "cluster file to write")->type_name("FILE");
  cli::add_output(command, flags.out);
}

Status run_calibrate(const CalibrateFlags& flags) {
  const cli::OutputOptions& out = flags.out;
  const std::array targets{cli::Target{"-o", flags.output}, cli::Target{"--json", out.json}};
  HSAP_CHECK(cli::check_targets(targets, out.force));
  const Result<ClusterSpec> base = load_cluster(flags.cluster);
  if (!base) return cli::at_flag("--cluster", base.error());
  HSAP_TRY(const fit::Data data, read_data(flags, base->gpus_per_node()));
  HSAP_TRY(fit::Calibration found, fit::calibrate(*base, flags.nodes, data));
  if (!flags.name.empty()) found.spec.name = flags.name;
  HSAP_CHECK(cli::write_target(targets[0], json_text(to_json(found.spec)), out.force));
  HSAP_CHECK(cli::write_target(targets[1], json_text(calibration_json(*base, found)), out.force));
  if (out.quiet || out.json == "-" || flags.output == "-") return {};
  return cli::print_stdout(calibration_report(found, cli::wants_color(out.color)));
}

}  // namespace hsap::apps
