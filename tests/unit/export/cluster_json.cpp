#include "export/json/cluster.hpp"

#include <catch2/catch.hpp>

#include "base/files.hpp"
#include "cluster/read.hpp"
#include "export/json/text.hpp"

using namespace hsap;

TEST_CASE("every shipped cluster survives writing and reading") {
  for (const std::string& name : shipped_names("topologies")) {
    INFO(name);
    const auto spec = load_cluster(name);
    REQUIRE(spec);
    const std::string text = json_text(to_json(*spec));
    const auto parsed = json::parse(text, "written");
    REQUIRE(parsed);
    const auto again = read_cluster(*parsed, "written");
    REQUIRE(again);
    // Devices and links are compared as values, the numbers by writing them a second time.
    CHECK(again->devices == spec->devices);
    CHECK(again->links == spec->links);
    CHECK(again->max_nodes == spec->max_nodes);
    CHECK(json_text(to_json(*again)) == text);
  }
}

TEST_CASE("overrides are in place") {
  const Override slow[] = {{"nic.bandwidth_bytes_per_s", "1e9"}};
  const auto spec = load_cluster("dgx-h100", slow);
  REQUIRE(spec);
  CHECK(to_json(*spec)["nic"]["bandwidth_bytes_per_s"] == 1e9);
}
