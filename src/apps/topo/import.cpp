#include "apps/topo/import.hpp"

#include <array>

#include "apps/topo/report.hpp"
#include "cli/flags.hpp"
#include "cli/output.hpp"
#include "export/json/cluster.hpp"
#include "export/json/text.hpp"

namespace hsap::apps {
namespace {

/// Gbit/s as people count them, in bytes per second.
Result<double> parse_gbps(const std::string& text) {
  HSAP_TRY(const double gbps, parse_number(text, "rate"));
  constexpr double most = 10000;
  if (gbps > 0 && gbps <= most) return gbps * 1e9 / 8;
  return bad_input("rate out of range", "'" + text + "'", "Gbit/s above 0, at most 10000");
}

}  // namespace

void add_import(cli::Command& app, ImportFlags& flags) {
  cli::Command command = app.add_subcommand(
      "import", "make a cluster file from NCCL's topology XML or from nvidia-smi topo -m");
  command.add_option("FILE", flags.file, "what NCCL or nvidia-smi wrote").required();
  topo::ImportOptions& options = flags.options;
  cli::add_parsed(command, "--from", options.format, topo::parse_format, "nccl-xml|topo-m",
                  "the format (by what the file looks like)");
  cli::add_integer(command, "--sm", options.sm, 20, 999, "NN",
                   "compute capability of the GPUs, 90 for H100, where the file does not say");
  cli::add_integer(command, "--nvlink", options.nvlinks, 0, 64, "N",
                   "NVLinks of each GPU to NVSwitches, where the file does not say");
  cli::add_parsed(command, "--nic-gbps", options.nic_bytes_per_s, parse_gbps, "RATE",
                  "Gbit/s of each network card, whatever the file says");
  command
      .add_option("--like", options.like,
                  "cluster that lends its GPU, latencies and ramps (by the GPU)")
      .type_name("NAME|FILE");
  command.add_option("--name", options.name, "of the cluster (that of the file)");
  cli::add_integer(command, "--nodes", options.nodes, 1, max_cluster_gpus, "N",
                   "how many such nodes there are (any number)");
  command.add_option("-o,--output", flags.output, "cluster file to write").type_name("FILE|-");
  cli::add_output(command, flags.out);
}

Status run_import(const ImportFlags& flags) {
  const cli::OutputOptions& out = flags.out;
  const std::array files{cli::OutputFile{"-o", flags.output}, cli::OutputFile{"--json", out.json}};
  HSAP_CHECK(cli::check_outputs(files, out.force));
  HSAP_TRY(const topo::Imported imported, topo::import_topology(flags.file, flags.options));
  HSAP_CHECK(cli::write_output(files[0], json_text(to_json(imported.spec)), out.force));
  HSAP_CHECK(cli::write_output(files[1], json_text(import_json(imported)), out.force));
  if (out.quiet || cli::takes_stdout(files)) return {};
  return cli::print_stdout(import_report(imported, cli::wants_color(out.color)));
}

}  // namespace hsap::apps
