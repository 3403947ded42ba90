#include "export/json/runtime.hpp"

#include <catch2/catch.hpp>

#include "base/files.hpp"
#include "cluster/read.hpp"
#include "export/json/text.hpp"

using namespace hsap;

TEST_CASE("every shipped runtime survives writing and reading") {
  for (const std::string& name : shipped_names("runtimes")) {
    INFO(name);
    const auto runtime = load_runtime(name);
    REQUIRE(runtime);
    const std::string text = json_text(to_json(*runtime));
    const auto parsed = json::parse(text, "written");
    REQUIRE(parsed);
    const auto again = read_runtime(*parsed, "written");
    INFO((again ? "" : again.error().text()));
    REQUIRE(again);
    CHECK(json_text(to_json(*again)) == text);
    CHECK(again->entry == runtime->entry);
    CHECK(again->communication_multiprocessors == runtime->communication_multiprocessors);
  }
}
