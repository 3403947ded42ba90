#include "validate/world/program.hpp"

#include <cstdio>

#include "cli/inputs.hpp"
#include "cli/output.hpp"
#include "validate/world/spawn.hpp"

namespace hsap::world {

Status run_ranks(int ranks, const std::vector<std::string>& command) {
  SpawnOptions options;
  options.out = [](std::string_view lines) {
    static_cast<void>(cli::print_stdout(std::string(lines)));
  };
  options.err = [](std::string_view lines) { std::fwrite(lines.data(), 1, lines.size(), stderr); };
  HSAP_TRY(const SpawnReport report, spawn_local(ranks, command, options));
  if (report.exit_code() == 0) return {};
  Error error = infeasible(report.text());
  if (report.exit_code() == 2) error.kind = ErrorKind::bad_input;
  return error;
}

Result<Place> find_own_place(const Environment& environment, const std::string& rendezvous) {
  if (rendezvous.empty()) return find_place(environment);
  const auto meet = parse_rendezvous(rendezvous);
  if (!meet) return cli::at_flag("--rendezvous", meet.error());
  return find_place(environment, *meet);
}

}  // namespace hsap::world
