#include <catch2/catch.hpp>

#include "base/json.hpp"

using namespace hsap;

namespace {

json::Value sample() {
  return *json::parse(
      R"({"nic": {"bandwidth_bytes_per_s": 5e10, "count": 8}, "rails": true, "name": "a",
          "links": [{"lanes": 1}, {"lanes": 2}]})",
      "x.json");
}

}  // namespace

TEST_CASE("an override replaces one leaf by path") {
  json::Value value = sample();
  REQUIRE(json::override_value(value, "nic.bandwidth_bytes_per_s", "100e9"));
  REQUIRE(json::override_value(value, "nic.count", "4"));
  REQUIRE(json::override_value(value, "rails", "false"));
  REQUIRE(json::override_value(value, "name", "b=c"));
  REQUIRE(json::override_value(value, "links.1.lanes", "18"));
  CHECK(value["nic"]["bandwidth_bytes_per_s"] == 100e9);
  CHECK(value["nic"]["count"].is_number_integer());
  CHECK(value["nic"]["count"] == 4);
  CHECK(value["rails"] == false);
  CHECK(value["name"] == "b=c");
  CHECK(value["links"][0]["lanes"] == 1);
  CHECK(value["links"][1]["lanes"] == 18);
}

TEST_CASE("an unknown path is an error with near misses, and changes nothing") {
  const auto path =
      GENERATE(as<std::string>(), "nic.bandwidth_byte_per_s", "nic", "", ".", "links.2.lanes",
               "links.one.lanes", "nic.count.x", "nic..count", "links.99999999999999999999.lanes");
  json::Value value = sample();
  const Status status = json::override_value(value, path, "1");
  INFO(path);
  REQUIRE_FALSE(status);
  CHECK(status.error().found == "'" + path + "'");
  CHECK_FALSE(status.error().expected.empty());
  CHECK(value == sample());
}

TEST_CASE("the near miss of a mistyped path comes first") {
  json::Value value = sample();
  const Status status = json::override_value(value, "nic.cout", "1");
  REQUIRE_FALSE(status);
  CHECK(status.error().expected.rfind("'nic.count'", 0) == 0);
}

TEST_CASE("an override has the type of what it replaces") {
  json::Value value = sample();
  CHECK_FALSE(json::override_value(value, "nic.count", "many"));
  CHECK_FALSE(json::override_value(value, "nic.count", "nan"));
  CHECK_FALSE(json::override_value(value, "nic.count", "1e999"));
  CHECK_FALSE(json::override_value(value, "rails", "1"));
  CHECK(value == sample());
}

TEST_CASE("each owner takes its own overrides and leaves the others") {
  const std::vector<Override> overrides{{"nic.count", "1"}, {"model.nic.count", "3"}};
  json::Value value = sample();
  REQUIRE(json::apply_overrides(value, overrides, "model"));
  CHECK(value["nic"]["count"] == 3);
  const std::vector<Override> wrong{{"model.nic.coun", "1"}};
  const Status status = json::apply_overrides(value, wrong, "model");
  REQUIRE_FALSE(status);
  CHECK(status.error().found == "'model.nic.coun'");
  CHECK(status.error().expected.rfind("'model.nic.count'", 0) == 0);
}
