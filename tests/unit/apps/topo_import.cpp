#include "apps/topo/import.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "apps/topo/report.hpp"
#include "support/folder.hpp"
#include "support/golden.hpp"

// What an import writes is a cluster file as any other, and what it prints is told in full.
namespace hsap {
namespace {

const std::string machines = HSAP_MACHINES "/";

apps::ImportFlags quiet(const std::string& file, const std::string& output) {
  apps::ImportFlags flags;
  flags.file = machines + file;
  flags.output = output;
  flags.out.quiet = true;
  return flags;
}

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("The cluster that is written reads back as the cluster that was made") {
  const test::Folder folder;
  for (const char* file :
       {"nvswitch.xml", "direct.xml", "shared_nic.xml", "many_nics.xml", "bare_leaves.xml",
        "virtual_machine.xml", "classes_only.xml", "grace.xml", "partial_dump.xml", "switched.txt",
        "bridges.txt", "pcie.txt"}) {
    INFO(file);
    const std::string path = folder.path(std::string(file) + ".json");
    REQUIRE(apps::run_import(quiet(file, path)));
    const auto made = topo::import_topology(machines + file, {});
    const Result<ClusterSpec> read = load_cluster(path);
    REQUIRE(made);
    REQUIRE(read);
    CHECK(read->name == made->spec.name);
    CHECK(read->sources == made->spec.sources);
    CHECK(read->devices == made->spec.devices);
    CHECK(read->links == made->spec.links);
    CHECK(read->rails == made->spec.rails);
    CHECK(read->max_nodes == made->spec.max_nodes);
    for (int c = 0; c < link_classes; ++c) {
      CHECK(read->curves[c].bandwidth_bytes_per_s == made->spec.curves[c].bandwidth_bytes_per_s);
      CHECK(read->curves[c].latency_s == made->spec.curves[c].latency_s);
    }
    CHECK(Cluster::build(*read, 1));
  }
}

TEST_CASE("A file that exists is replaced only by force, and a failed import writes nothing") {
  const test::Folder folder;
  const std::string path = folder.write("mine.json", "precious");
  apps::ImportFlags flags = quiet("nvswitch.xml", path);
  REQUIRE_FALSE(apps::run_import(flags));
  CHECK(text_of(path) == "precious");
  flags.out.force = true;
  flags.options.sm = 80;  // the file says 90
  REQUIRE_FALSE(apps::run_import(flags));
  CHECK(text_of(path) == "precious");
  flags.options.sm = 90;
  REQUIRE(apps::run_import(flags));
  CHECK(load_cluster(path));
}

TEST_CASE("The report tells devices, numbers, paths and warnings") {
  for (const char* name : {"nvswitch.xml", "many_nics.xml", "switched.txt"}) {
    const auto imported = topo::import_topology(machines + name, {});
    REQUIRE(imported);
    test::check_golden(std::string(HSAP_GOLDEN) + "/import_" + name + ".txt",
                       apps::import_report(*imported, false));
  }
}

TEST_CASE("The JSON holds the same as the report") {
  const auto imported = topo::import_topology(machines + "partial_dump.xml", {});
  REQUIRE(imported);
  const json::Ordered out = apps::import_json(*imported);
  CHECK(out["schema"] == "hsap.import/1");
  CHECK(out["path_columns"] == json::Ordered({"gpu0", "gpu1", "nic0"}));
  CHECK(out["paths"][0] == json::Ordered({"X", "NVL", "PHB"}));
  CHECK(out["devices"][0]["joined_to"] == "cpu0");
  CHECK(out["warnings"].size() == imported->warnings.size());
  CHECK(out["cluster"]["schema"] == "hsap.cluster/1");
}

}  // namespace hsap
