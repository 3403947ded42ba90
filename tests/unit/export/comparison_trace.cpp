#include "export/timeline/comparison_trace.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <catch2/catch.hpp>
#include <map>

#include "base/json.hpp"
#include "schedule/builder.hpp"

using namespace hsap;

namespace {

/// Two kernels on each rank: operations 2r and 2r + 1.
Schedule kernels(Rank ranks) {
  ScheduleBuilder build(Pass::forward, 4 * ranks, {.query = 1, .key_value = 1, .dim = 16});
  for (Rank r = 0; r < ranks; ++r) {
    build.begin_rank(build.intervals({{4 * r, 4 * r + 4, 1}}));
    build.compute({1, 1});
    build.compute({1, 1});
  }
  return build.finish();
}

json::Value trace(std::span<const ComparedPass> passes, const ComparisonOptions& options) {
  const auto parsed = json::parse(comparison_trace(passes, options), "trace");
  REQUIRE(parsed);
  return *parsed;
}

/// Complete events by the name of their thread.
std::map<std::string, std::vector<json::Value>> by_thread(const json::Value& trace) {
  std::map<int, std::string> names;
  std::map<std::string, std::vector<json::Value>> found;
  for (const json::Value& event : trace["traceEvents"]) {
    if (event["name"] == "thread_name") names[event["tid"]] = event["args"]["name"];
    if (event["ph"] == "X") found[names.at(event["tid"])].push_back(event);
  }
  return found;
}

}  // namespace

TEST_CASE("predicted and measured stand on threads of their own, with both durations") {
  const Schedule schedule = kernels(2);
  const std::vector<Span> predicted = {
      {0, 0, 1e-6}, {2, 0, 1e-6}, {1, 1e-6, 3e-6}, {3, 1e-6, 3e-6}};
  const std::vector<Span> measured = {{0, 0, 2e-6}, {2, 0, 2e-6}, {1, 2e-6, 5e-6}, {3, 2e-6, 5e-6}};
  const ComparedPass passes[] = {{&schedule, predicted, measured}};
  const json::Value whole = trace(passes, {1, 64, {{"device", "x"}}});
  CHECK(whole["otherData"]["device"] == "x");
  CHECK(whole["otherData"]["ranks"] == 2);
  auto threads = by_thread(whole);
  REQUIRE(threads.size() == 4);
  for (const char* side : {"predicted", "measured"}) {
    for (int rank = 0; rank < 2; ++rank) {
      const auto& events = threads.at(fmt::format("rank {} compute {}", rank, side));
      REQUIRE(events.size() == 2);
      for (const json::Value& event : events) {
        CHECK(event["pid"] == rank);
        CHECK(event["args"]["operation"].get<int>() / 2 == rank);
        const bool first = event["args"]["operation"].get<int>() % 2 == 0;
        CHECK(event["args"]["predicted_us"] == (first ? 1.0 : 2.0));
        CHECK(event["args"]["measured_us"] == (first ? 2.0 : 3.0));
        CHECK(event["dur"] == event["args"][std::string(side) + "_us"]);
      }
    }
  }
}

TEST_CASE("a pass begins when both timelines of the one before have ended") {
  const Schedule schedule = kernels(1);
  const std::vector<Span> quick = {{0, 0, 1e-6}, {1, 1e-6, 2e-6}};
  const std::vector<Span> slow = {{0, 0, 4e-6}, {1, 4e-6, 9e-6}};
  const ComparedPass passes[] = {{&schedule, quick, slow}, {&schedule, slow, quick}};
  for (const auto& [thread, events] : by_thread(trace(passes, {}))) {
    REQUIRE(events.size() == 4);
    const auto second_pass = std::count_if(events.begin(), events.end(), [](const auto& event) {
      return event["ts"].template get<double>() >= 9;
    });
    CHECK(second_pass == 2);
  }
}

TEST_CASE("medians that overlap end with the begin of the next operation of their stream") {
  const Schedule schedule = kernels(1);
  const std::vector<Span> measured = {{0, 0, 5e-6}, {1, 3e-6, 6e-6}};
  const ComparedPass passes[] = {{&schedule, measured, measured}};
  for (const auto& [thread, events] : by_thread(trace(passes, {}))) {
    for (const json::Value& event : events) {
      CHECK(event["dur"] == 3.0);
      const bool first = event["args"]["operation"] == 0;
      CHECK(event["args"]["measured_us"] == (first ? 5.0 : 3.0));  // what was measured stays
    }
  }
}

TEST_CASE("ranks beyond the limit are left out, and said to be") {
  const Schedule schedule = kernels(3);
  const std::vector<Span> spans = {{0, 0, 1e-6}, {2, 0, 1e-6}, {4, 0, 1e-6}};
  const ComparedPass passes[] = {{&schedule, spans, spans}};
  const json::Value whole = trace(passes, {1, 2, {}});
  CHECK(whole["otherData"]["ranks"] == 3);
  CHECK(whole["otherData"]["ranks_shown"] == 2);
  CHECK(by_thread(whole).size() == 4);
}
