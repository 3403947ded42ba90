// The two heaps against sorting.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

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

TEST_CASE("flows may change their finish or leave at any time") {
  std::mt19937_64 random(2);
  FlowHeap heap;
  std::vector<double> keys;
  const auto new_key = [&] { return static_cast<double>(random() % 100); };
  for (FlowId flow = 0; flow < 500; ++flow) {
    keys.push_back(new_key());
    heap.push(flow, keys[flow], flow);
  }
  for (FlowId flow = 0; flow < 500; flow += 3) heap.change(flow, keys[flow] = new_key());
  std::vector<std::pair<double, FlowId>> expected;
  for (FlowId flow = 0; flow < 500; ++flow) {
    if (flow % 5 == 0) {
      heap.remove(flow);
    } else {
      expected.emplace_back(keys[flow], flow);
    }
  }
  std::sort(expected.begin(), expected.end());
  for (const auto& [key, flow] : expected) {
    REQUIRE(heap.top_key() == key);
    REQUIRE(heap.top() == flow);
    heap.remove(flow);
  }
  REQUIRE(heap.empty());
}

TEST_CASE("many finishes changed at once leave the heap in order") {
  std::mt19937_64 random(3);
  FlowHeap heap;
  for (FlowId flow = 0; flow < 500; ++flow) heap.push(flow, static_cast<double>(flow), flow);
  std::vector<std::pair<double, FlowId>> expected;
  heap.begin_changes();
  for (FlowId flow = 0; flow < 500; ++flow) {
    expected.emplace_back(static_cast<double>(random() % 100), flow);
    heap.change(flow, expected.back().first);
    REQUIRE(heap.key(flow) == expected.back().first);
  }
  heap.end_changes();
  std::sort(expected.begin(), expected.end());
  for (const auto& [key, flow] : expected) {
    REQUIRE(heap.top() == flow);
    heap.remove(flow);
  }
}
