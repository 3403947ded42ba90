#include "export/timeline/chrome_trace.hpp"

#include <catch2/catch.hpp>
#include <map>

#include "base/json.hpp"
#include "export/timeline/flows.hpp"
#include "schedule/builder.hpp"

using namespace hsap;

namespace {

constexpr HeadRange one_head{0, 1};

/// A ring of `ranks`: each rank sends its keys to the next and receives those of the previous in
/// one exchange (operation 2r), then runs a kernel (operation 2r + 1).
Schedule ring(Rank ranks) {
  ScheduleBuilder build(Pass::forward, 4 * ranks, {.query = 1, .key_value = 1, .dim = 16});
  for (Rank r = 0; r < ranks; ++r) {
    const Rank before = (r + ranks - 1) % ranks;
    const Range own = build.intervals({{4 * r, 4 * r + 4, 1}});
    const Range other = build.intervals({{4 * before, 4 * before + 4, 1}});
    build.begin_rank(own);
    const Index mine = build.buffer(Role::k, Usage::input, Dtype::bf16, one_head, own);
    const Index theirs = build.buffer(Role::k, Usage::staging, Dtype::bf16, one_head, other);
    build.exchange(Stream::keys);
    build.send((r + 1) % ranks, mine, own, one_head);
    build.receive(before, theirs, other, one_head);
    build.compute({1, 1});
  }
  return build.finish();
}

/// Exchanges run from 0 to 2 us, kernels from 0 to 1 us; link 5 is busier than link 3.
Simulation times(const Schedule& schedule) {
  Simulation simulation;
  simulation.seconds = 2e-6;
  for (Index i = 0; i < schedule.operations.size(); ++i) {
    const bool exchange = schedule.operations[i].kind == Kind::exchange;
    simulation.spans.push_back({i, 0, exchange ? 2e-6 : 1e-6});
  }
  simulation.link_busy_bytes = {0, 0, 0, 100, 0, 200};
  simulation.link_use = {{3, 0, 50e6}, {5, 0, 100e6}, {3, 2e-6, 0}, {5, 2e-6, 0}};
  return simulation;
}

Cluster cluster(int nodes) {
  auto spec = load_cluster("dgx-h100");
  REQUIRE(spec);
  auto built = Cluster::build(*spec, nodes);
  REQUIRE(built);
  return std::move(*built);
}

json::Value trace(Rank ranks, const TraceOptions& options) {
  const Schedule schedule = ring(ranks);
  const Simulation simulation = times(schedule);
  const TracedPass twice[] = {{&schedule, &simulation}, {&schedule, &simulation}};
  const auto parsed = json::parse(chrome_trace(twice, cluster(2), options), "trace");
  REQUIRE(parsed);
  return *parsed;
}

std::vector<json::Value> events(const json::Value& trace, const std::string& phase) {
  std::vector<json::Value> found;
  for (const json::Value& event : trace["traceEvents"]) {
    if (event["ph"] == phase) found.push_back(event);
  }
  return found;
}

}  // namespace

TEST_CASE("a message makes one flow between the operations at its ends") {
  // Rank r sends from operation 2r to operation 2 (r + 1 mod n).
  CHECK(flows(ring(3), 3) == std::vector<Flow>{{0, 2}, {2, 4}, {4, 0}});
  // With two of three ranks shown only 0 -> 1 has both ends.
  CHECK(flows(ring(3), 2) == std::vector<Flow>{{0, 2}});
  CHECK(flows(ring(1), 1).empty());
}

TEST_CASE("a trace has a slice for each operation and pass, on the thread of its stream") {
  const json::Value json = trace(10, {});
  const auto slices = events(json, "X");
  REQUIRE(slices.size() == 40);  // ten ranks, two operations, two passes
  // Rank 9 is GPU 1 of node 1; the second pass starts when the first has ended.
  const json::Value& last = slices.back();
  CHECK(last["pid"] == 1);
  CHECK(last["ts"] == 2.0);
  CHECK(last["dur"] == 1.0);
  std::map<int, std::string> threads;
  for (const json::Value& event : events(json, "M")) {
    if (event["name"] == "thread_name") threads[event["tid"]] = event["args"]["name"];
  }
  CHECK(threads.at(last["tid"]) == "rank 9 compute");
  CHECK(threads.size() == 20);  // streams that nothing uses have no thread
}

TEST_CASE("slices of one thread do not overlap") {
  std::map<int, double> ends;
  for (const json::Value& slice : events(trace(4, {}), "X")) {
    double& end = ends[slice["tid"]];
    CHECK(slice["ts"].get<double>() >= end);
    end = slice["ts"].get<double>() + slice["dur"].get<double>();
  }
}

TEST_CASE("arrows leave after they start and land inside the receiving slice") {
  const json::Value json = trace(4, {});
  const auto starts = events(json, "s");
  const auto ends = events(json, "f");
  REQUIRE(starts.size() == 8);  // four messages in each pass
  REQUIRE(ends.size() == 8);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    CHECK(starts[i]["id"] == ends[i]["id"]);
    CHECK(starts[i]["tid"] != ends[i]["tid"]);
    const double latency = ends[i]["ts"].get<double>() - starts[i]["ts"].get<double>();
    CHECK(latency > 0);
    CHECK(latency < 2);
  }
}

TEST_CASE("counters follow the busiest links") {
  TraceOptions options;
  options.most_links = 1;
  const auto counters = events(trace(2, options), "C");
  REQUIRE(counters.size() == 4);  // link 5 changes twice in each pass
  CHECK(counters[0]["name"] == cluster(2).link_name(5));
  CHECK(counters[0]["args"]["GB/s"] == 0.1);
  CHECK(counters[1]["args"]["GB/s"] == 0.0);
}

TEST_CASE("what is left out is said") {
  TraceOptions options;
  options.most_ranks = 3;
  options.metadata = {{"strategy", "a \"test\""}};
  const json::Value json = trace(4, options);
  CHECK(json["otherData"]["ranks"] == 4);
  CHECK(json["otherData"]["ranks_shown"] == 3);
  CHECK(json["otherData"]["links_shown"] == 2);
  CHECK(json["otherData"]["strategy"] == "a \"test\"");
  CHECK(events(json, "X").size() == 12);
}
