#include <string>
#include <vector>

#include "apps/topo/calibrate.hpp"
#include "apps/topo/draw/draw.hpp"
#include "apps/topo/import.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/inputs.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/program.hpp"
#include "export/json/cluster.hpp"
#include "export/json/text.hpp"
#include "validate/world/spawn.hpp"

namespace hsap {
namespace {

/// Nothing but a cluster is read here, so an override of anything else would be lost.
Status check_overrides(const std::vector<Override>& overrides) {
  for (const Override& change : overrides) {
    if (change.path.starts_with("model.") || change.path.starts_with("runtime.")) {
      return bad_input("--set: no such value", "'" + change.path + "'",
                       "a path in the cluster file");
    }
  }
  return {};
}

json::Ordered json_of(const Cluster& cluster) {
  return {{"schema", "hsap.topology/1"},
          {"nodes", cluster.nodes()},
          {"gpus", cluster.gpus()},
          {"cluster", to_json(cluster.spec())}};
}

Status show(const cli::ClusterOptions& options, const cli::OutputOptions& output) {
  const cli::OutputFile json{"--json", output.json};
  HSAP_CHECK(cli::check_outputs({&json, 1}, output.force));
  HSAP_TRY(const std::vector<Override> overrides, cli::read_overrides(options.set));
  HSAP_CHECK(check_overrides(overrides));
  HSAP_TRY(const Cluster cluster, cli::read_cluster(options));
  HSAP_CHECK(cli::write_output(json, json_text(json_of(cluster)), output.force));
  if (output.quiet || cli::takes_stdout({&json, 1})) return {};
  return cli::print_stdout(apps::draw(cluster, cli::wants_color(output.color)));
}

int run_program(int argc, char** argv) {
  cli::ClusterOptions cluster;
  cli::OutputOptions output;
  apps::ImportFlags imports;
  apps::CalibrateFlags calibration;
  cli::Command app("hsap-topo", "Looks at clusters, and makes them from what other tools know.");
  app.require_subcommand();
  cli::Command command = app.add_subcommand(
      "show", "draw a cluster: a node, how nodes are joined, and what a message meets on its way");
  cli::add_cluster(command, cluster);
  cli::add_output(command, output);
  apps::add_import(app, imports);
  apps::add_calibrate(app, calibration);
  return cli::run_main(app, argc, argv, [&]() -> Status {
    if (app.called("import")) return apps::run_import(imports);
    if (app.called("calibrate"))
      return apps::run_calibrate(calibration, world::this_command(argc, argv));
    return show(cluster, output);
  });
}

}  // namespace
}  // namespace hsap

int main(int argc, char** argv) {
  return hsap::cli::guard([&] { return hsap::run_program(argc, argv); });
}
