// The two heaps against sorting.
#include <algorithm>
#include <catch2/catch.hpp>
#include <initializer_list>
#include <random>
#include <utility>
#include <vector>

#include "simulate/engine/event_queue.hpp"
#include "simulate/network/flow_heap.hpp"

using namespace hsap;

TEST_CASE("events come by time, equal times in the order of their pushes") {
  std::mt19937_64 random(1);
  EventQueue queue;
  std::vector<std::pair<double, std::uint32_t>> expected;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const double time = static_cast<double>(random() % 50);
    queue.push(time, Event::Kind::wake, i);
    expected.emplace_back(time, i);
  }
  std::sort(expected.begin(), expected.end());
  for (const auto& [time, index] : expected) {
    const Event event = queue.pop();
    REQUIRE(event.time_s == time);
    REQUIRE(event.index == index);
  }
  REQUIRE(queue.empty());
}

namespace {

/// In order, what is taken up to each limit in turn.
void require_taken(FlowHeap& heap, std::vector<std::pair<double, FlowId>> expected,
                   std::initializer_list<double> limits) {
  std::sort(expected.begin(), expected.end());
  std::vector<std::pair<double, FlowId>> found;
  for (const double limit : limits) {
    std::vector<FlowHeap::Entry> taken;
    heap.take(limit, taken);
    std::sort(taken.begin(), taken.end());
    for (const FlowHeap::Entry& entry : taken) {
      REQUIRE(entry.key <= limit);
      found.emplace_back(entry.key, entry.flow);
    }
    REQUIRE(heap.size() == expected.size() - found.size());
    if (heap.empty()) break;
    REQUIRE(heap.top_key() == expected[found.size()].first);
    REQUIRE(heap.top() == expected[found.size()].second);
    REQUIRE(heap.key(heap.top()) == heap.top_key());
  }
  REQUIRE(found == expected);
  REQUIRE(heap.empty());
}

}  // namespace

TEST_CASE("flows may change their finish at any time, few or many end at once") {
  std::mt19937_64 random(2);
  FlowHeap heap;
  std::vector<double> keys;
  const auto new_key = [&] { return static_cast<double>(random() % 1000); };
  for (FlowId flow = 0; flow < 500; ++flow) {
    keys.push_back(new_key());
    heap.push({keys[flow], flow, flow});
  }
  for (FlowId flow = 0; flow < 500; flow += 3) heap.change(flow, keys[flow] = new_key());
  std::vector<std::pair<double, FlowId>> expected;
  for (FlowId flow = 0; flow < 500; ++flow) expected.emplace_back(keys[flow], flow);
  require_taken(heap, expected, {-1, 5, 10, 12, 500, 501, 510, 1000});
}

TEST_CASE("many finishes changed at once leave the heap in order") {
  std::mt19937_64 random(3);
  FlowHeap heap;
  for (FlowId flow = 0; flow < 500; ++flow) heap.push({static_cast<double>(flow), flow, flow});
  std::vector<std::pair<double, FlowId>> expected;
  heap.begin_changes();
  for (FlowId flow = 0; flow < 500; ++flow) {
    expected.emplace_back(static_cast<double>(random() % 100), flow);
    heap.change(flow, expected.back().first);
    REQUIRE(heap.key(flow) == expected.back().first);
  }
  heap.end_changes();
  require_taken(heap, expected, {0, 1, 2, 50, 100});
}
