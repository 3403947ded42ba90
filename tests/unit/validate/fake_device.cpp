// The rules of CUDA's stream capture, as the fake device keeps them.
#include "validate/device/fake_device.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "validate/device/fake_communicator.hpp"

namespace hsap::device {
namespace {

/// A device whose work is to note letters.
struct Noting {
  explicit Noting(std::uint64_t seed = 1) : device(seed) {}

  void note(StreamId stream, char letter) {
    device.put(stream, [this, letter] {
      noted += letter;
      return true;
    });
  }
  /// What comes next on `later` waits for what is on `earlier`.
  void order(StreamId earlier, StreamId later) {
    const EventId event = device.make_event();
    CHECK(device.record(event, earlier));
    CHECK(device.wait(later, event));
  }

  FakeDevice device;
  StreamId first = device.make_stream(Stream::compute);
  StreamId second = device.make_stream(Stream::keys);
  std::string noted;
};

TEST_CASE("what is captured runs once with each run of the graph, in the order of its events") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Noting on(seed);
    REQUIRE(on.device.begin_capture(on.first));
    CHECK_FALSE(on.device.captures(on.second));
    on.note(on.first, 'a');
    on.order(on.first, on.second);
    CHECK(on.device.captures(on.second));
    on.note(on.second, 'b');
    on.order(on.second, on.first);
    on.note(on.first, 'c');
    const Result<Launch> graph = on.device.end_capture(on.first);
    REQUIRE(graph);
    REQUIRE(on.device.synchronize());
    CHECK(on.noted.empty());
    on.note(on.first, '<');
    CHECK((*graph)(on.first));
    CHECK((*graph)(on.first));
    on.note(on.first, '>');
    REQUIRE(on.device.synchronize());
    CHECK(on.noted == "<abcabc>");
    CHECK((*graph)(on.second));
    REQUIRE(on.device.synchronize());
    CHECK(on.noted == "<abcabc>abc");
  }
}

TEST_CASE("without an event between them, streams of a graph run in any order") {
  std::string firsts;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Noting on(seed);
    REQUIRE(on.device.begin_capture(on.first));
    on.order(on.first, on.second);
    on.note(on.first, 'a');
    on.note(on.second, 'b');
    on.order(on.second, on.first);
    const Result<Launch> graph = on.device.end_capture(on.first);
    REQUIRE(graph);
    CHECK((*graph)(on.first));
    REQUIRE(on.device.synchronize());
    firsts += on.noted.front();
  }
  CHECK(firsts.find('a') != std::string::npos);
  CHECK(firsts.find('b') != std::string::npos);
}

TEST_CASE("runs of a graph do not overlap, whatever streams they are on") {
  Noting on;
  REQUIRE(on.device.begin_capture(on.first));
  int tries = 0;
  on.device.put(on.first, [&tries] { return ++tries % 3 == 0; });
  on.note(on.first, 'a');
  const Result<Launch> graph = on.device.end_capture(on.first);
  REQUIRE(graph);
  CHECK((*graph)(on.first));
  CHECK((*graph)(on.second));
  REQUIRE(on.device.synchronize());
  CHECK(on.noted == "aa");
  CHECK(tries == 6);
}

TEST_CASE("a stream of a capture waits for nothing from outside") {
  Noting on;
  const EventId outside = on.device.make_event();
  const EventId never = on.device.make_event();
  REQUIRE(on.device.record(outside, on.second));
  for (const EventId event : {outside, never}) {
    REQUIRE(on.device.begin_capture(on.first));
    const std::string why = "a wait for an event from outside of the capture";
    CHECK(on.device.wait(on.first, event).error().text() == why);
    CHECK(on.device.end_capture(on.first).error().text() == why);
  }
}

TEST_CASE("every stream of a capture is joined after its last work") {
  const std::function<void(Noting&)> mistakes[] = {
      [](Noting& on) { on.order(on.first, on.second); },
      [](Noting& on) {
        on.order(on.first, on.second);
        on.order(on.second, on.first);
        on.note(on.second, 'b');
      },
      [](Noting& on) {
        on.order(on.first, on.second);
        on.order(on.second, on.first);
        CHECK(on.device.record_time(on.device.make_event(), on.second));
      }};
  for (const auto& make : mistakes) {
    Noting on;
    REQUIRE(on.device.begin_capture(on.first));
    make(on);
    CHECK(on.device.end_capture(on.first).error().text() ==
          "a stream of the capture was not joined at its end");
  }
}

TEST_CASE("a stream may be joined by way of another") {
  Noting on;
  const StreamId third = on.device.make_stream(Stream::heads);
  REQUIRE(on.device.begin_capture(on.first));
  on.order(on.first, on.second);
  on.order(on.first, third);
  on.note(third, 'c');
  on.order(third, on.second);
  on.order(on.second, on.first);
  CHECK(on.device.end_capture(on.first));
}

TEST_CASE("what waits or allocates breaks a capture, and the device goes on") {
  Noting on;
  Result<std::byte*> memory = on.device.allocate(4);
  REQUIRE(memory);
  std::byte bytes[4] = {};
  FakeFabric fabric;
  FakeCommunicator peers(fabric, on.device, 0, 1);
  const std::pair<std::string, std::function<Status()>> calls[] = {
      {"allocate",
       [&]() -> Status {
         return on.device.allocate(4) ? Status() : on.device.allocate(4).error();
       }},
      {"prepare",
       [&]() -> Status {
         const Result<Launch> made = on.device.prepare(Move{});
         return made ? Status() : made.error();
       }},
      {"synchronize", [&] { return on.device.synchronize(); }},
      {"synchronize", [&] { return on.device.write(*memory, bytes); }},
      {"synchronize", [&] { return on.device.read(bytes, *memory); }},
      {"adopt", [&] { return peers.adopt(*memory, 4); }},
      {"begin of a capture", [&] { return on.device.begin_capture(on.second); }}};
  for (const auto& [name, call] : calls) {
    CAPTURE(name);
    REQUIRE(on.device.begin_capture(on.first));
    const Status refused = call();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text() == name + " during a capture");
    CHECK(on.device.end_capture(on.first).error().text() == refused.error().text());
    CHECK(call());
    if (on.device.captures(on.second)) CHECK(on.device.end_capture(on.second));
  }
}

TEST_CASE("a capture ends where it began") {
  Noting on;
  const std::string why = "end of a capture that did not begin on this stream";
  CHECK(on.device.end_capture(on.first).error().text() == why);
  REQUIRE(on.device.begin_capture(on.first));
  CHECK(on.device.end_capture(on.second).error().text() == why);
  CHECK(on.device.end_capture(on.first));
}

TEST_CASE("events of a graph have either an order or a time") {
  Noting on;
  const EventId begin = on.device.make_event();
  const EventId order = on.device.make_event();
  const EventId end = on.device.make_event();
  CHECK(on.device.seconds_between(begin, end).error().text() == "an event that was never recorded");
  REQUIRE(on.device.begin_capture(on.first));
  CHECK(on.device.record_time(begin, on.first));
  CHECK(on.device.wait(on.second, begin).error().text() ==
        "a wait for an event that was recorded for its time");
  CHECK(on.device.record(order, on.first));
  CHECK(on.device.wait(on.first, order));
  CHECK(on.device.record_time(end, on.first));
  const Result<Launch> graph = on.device.end_capture(on.first);
  REQUIRE(graph);
  CHECK((*graph)(on.first));
  REQUIRE(on.device.synchronize());
  CHECK(*on.device.seconds_between(begin, end) == 0);
  CHECK(on.device.seconds_between(begin, order).error().text() ==
        "an event inside a graph has no time");
  CHECK(on.device.wait(on.second, order).error().text() == "a wait for an event inside a graph");
}

TEST_CASE("ranks exchange messages from graphs all, or none of them") {
  for (const bool both : {true, false}) {
    FakeFabric fabric;
    std::string said[2];
    std::byte received{};
    const auto body = [&](Rank rank) -> Status {
      FakeDevice device(1);
      FakeCommunicator peers(fabric, device, rank, 2);
      device.set_poll([&] { return peers.poll(); });
      const StreamId stream = device.make_stream(Stream::keys);
      HSAP_TRY(std::byte * data, device.allocate(1));
      HSAP_CHECK(peers.adopt(data, 1));
      HSAP_CHECK(device.write(data, std::vector{std::byte(rank)}));
      const Message message{1 - rank, data, 1, rank == 1};
      if (rank == 1 && !both) {
        HSAP_CHECK(peers.exchange(stream, {&message, 1}));
        return device.synchronize();
      }
      HSAP_CHECK(device.begin_capture(stream));
      HSAP_CHECK(peers.exchange(stream, {&message, 1}));
      HSAP_TRY(const Launch graph, device.end_capture(stream));
      for (int run = 0; run < 3; ++run) HSAP_CHECK(graph(stream));
      HSAP_CHECK(device.synchronize());
      return rank == 1 ? Status() : device.read({&received, 1}, data);
    };
    std::vector<std::thread> threads;
    for (const Rank rank : {0, 1}) {
      threads.emplace_back([&, rank] {
        const Status status = body(rank);
        said[rank] = status ? "fine" : status.error().text();
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::string& each : said) CHECK(each == (both ? "fine" : "the run was aborted"));
    if (both) CHECK(received == std::byte(1));
  }
}

}  // namespace
}  // namespace hsap::device
