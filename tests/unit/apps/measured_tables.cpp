#include "apps/topo/measured_tables.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/files.hpp"
#include "support/folder.hpp"

using namespace hsap;

namespace {

/// Two ranks of a node that sent each other one message.
apps::WorldMeasured two_ranks() {
  apps::WorldMeasured out;
  out.device.machine.name = "NVIDIA H200";
  out.nodes = {0, 0};
  out.rounds.rounds = {{{{{0, 1}}, 1e6}, {2e-5, 1e-6, 5}}};
  return out;
}

std::vector<std::string> names_in(const test::Folder& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path(""))) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("a measurement leaves the files that it names") {
  const test::Folder folder;
  const auto tables = apps::write_tables(two_ranks(), 8, folder.path(""), false);
  REQUIRE(tables);
  std::vector<std::string> names(std::begin(apps::table_names), std::end(apps::table_names));
  std::sort(names.begin(), names.end());
  CHECK(names_in(folder) == names);
  CHECK(read_file(tables->transfers, 1000)->find("\n0>1,1000000,20.000,1.000,5\n") !=
        std::string::npos);
  CHECK_FALSE(apps::write_tables(two_ranks(), 8, folder.path(""), false));
}

TEST_CASE("messages of an older measurement do not stay beside a GPU that was alone") {
  const test::Folder folder;
  REQUIRE(apps::write_tables(two_ranks(), 8, folder.path(""), false));
  apps::WorldMeasured alone = two_ranks();
  alone.nodes.clear();
  alone.rounds.rounds.clear();
  const auto tables = apps::write_tables(alone, 1, folder.path(""), true);
  REQUIRE(tables);
  CHECK(tables->transfers.empty());
  CHECK(names_in(folder) ==
        std::vector<std::string>{"copies.csv", "kernels.csv", "machine.json", "runtime.json"});
}

TEST_CASE("ranks that the cluster has no GPUs for are refused before anything is written") {
  const test::Folder folder;
  const auto tables = apps::write_tables(two_ranks(), 1, folder.path(""), false);
  REQUIRE_FALSE(tables);
  CHECK(tables.error().text() ==
        "--cluster: more ranks on a node than it has GPUs; found 2, expected at most 1");
  CHECK(names_in(folder).empty());
}
