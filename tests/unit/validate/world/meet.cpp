#include "validate/world/meet.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <future>

#include "support/folder.hpp"
#include "unit/validate/world/ranks.hpp"

namespace hsap::world {
namespace {

using Catch::Contains;

/// What join() tells each rank.
std::vector<std::string> join_all(const std::vector<Place>& places,
                                  const std::vector<Hello>& hellos, const Limits& limits) {
  return run_ranks(static_cast<int>(places.size()), [&](int i) {
    const auto at = static_cast<std::size_t>(i);
    Result<World> world =
        World::join(places[at], at < hellos.size() ? hellos[at] : Hello{}, limits);
    if (!world) return told(world);
    return told(world->finish());
  });
}

/// A connection that is no rank's. Rank 0 may not listen yet.
Channel stranger(const Rendezvous& meet) {
  const auto deadline = Clock::now() + seconds(20);
  const Address address = resolve(meet.host, meet.port, deadline)->front();
  while (true) {
    Result<Descriptor> socket = connect_to(address, deadline);
    if (socket) return {*std::move(socket), most_frame_bytes};
    if (Clock::now() > deadline) FAIL("rank 0 does not listen");
    std::this_thread::yield();
  }
}

void send_raw(const Channel& channel, const std::string& bytes) {
  REQUIRE(::send(channel.descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0);
}

/// Reads until something comes or the other side leaves.
std::optional<Frame> answer(Channel& channel) {
  const auto deadline = Clock::now() + seconds(20);
  channel.write();
  while (true) {
    channel.read();
    if (auto frame = channel.take()) return frame;
    if (!channel.open() || Clock::now() > deadline) return {};
    wait_for({&channel}, -1, deadline);
  }
}

TEST_CASE("ranks meet and know each other") {
  for (const int ranks : {1, 2, 8}) {
    const Port port;
    const auto said = run_ranks(ranks, [&](int rank) {
      const Hello hello{"gpu" + std::to_string(rank), "plan", "options"};
      Result<World> world = World::join(place(rank, ranks, port.meet()), hello, patient());
      if (!world) return told(world);
      std::string devices;
      for (const Member& member : world->members()) devices += member.hello.device + member.host;
      const Status end = world->finish();
      return end ? devices : told(end);
    });
    std::string expected;
    for (int rank = 0; rank < ranks; ++rank) {
      expected += "gpu" + std::to_string(rank) + "host" + std::to_string(rank);
    }
    check_all(said, expected);
  }
}

TEST_CASE("ranks that do not come are named by those that do, and a late one finds nobody") {
  const Port port;
  const auto said = join_all({place(0, 4, port.meet()), place(2, 4, port.meet())}, {}, impatient());
  CHECK_THAT(said[0], Contains("1: ranks 1 and 3 did not come to rank 0 on host0") &&
                          Contains("within 0.4 s"));
  CHECK(said[1] == said[0]);
  const auto late = World::join(place(1, 4, port.meet()), {}, impatient(0.2));
  CHECK_THAT(told(late), Contains("1: rank 1 found no rank 0 at tcp://127.0.0.1") &&
                             Contains("within 0.2 s: Connection refused"));
}

TEST_CASE("a rank that is there twice") {
  const Port port;
  std::vector<Place> places = {place(0, 3, port.meet()), place(1, 3, port.meet()),
                               place(1, 3, port.meet())};
  places[1].host = places[2].host = "twin";
  const auto said = join_all(places, {}, patient());
  CHECK_THAT(said[0], Contains("2: rank 1 is there twice, on twin and on twin") &&
                          Contains("rank 2 had not come yet"));
  check_all(said, said[0]);
}

TEST_CASE("ranks that count differently") {
  const Port port;
  const auto said = join_all({place(0, 2, port.meet()), place(1, 3, port.meet())}, {}, patient());
  CHECK_THAT(said[0], Contains("2: rank 1 on host1 counts 3 ranks, rank 0 counts 2"));
  check_all(said, said[0]);
}

TEST_CASE("ranks with another plan or other options are named") {
  const Port port;
  std::vector<Place> places;
  for (int rank = 0; rank < 5; ++rank) places.push_back(place(rank, 5, port.meet()));
  const std::vector<Hello> hellos = {
      {"", "new", "a"}, {"", "new", "a"}, {"", "old", "a"}, {"", "old", "b"}, {"", "old", "a"}};
  const auto said = join_all(places, hellos, patient());
  CHECK_THAT(said[0], Contains("2: ranks 2-4 have another plan than rank 0 ('old' at rank 2, 'new' "
                               "at rank 0)"));
  CHECK_THAT(said[0], Contains("rank 3 has other options than rank 0 ('b' at rank 3"));
  check_all(said, said[0]);
}

TEST_CASE("strangers do no harm") {
  const Port port;
  auto rank_0 = std::async(std::launch::async, [&] {
    return join_all({place(0, 2, port.meet())}, {}, patient()).front();
  });
  Channel garbage = stranger(port.meet());
  send_raw(garbage, "GET / HTTP/1.0\r\n\r\n");
  CHECK_FALSE(answer(garbage));
  Channel huge = stranger(port.meet());
  send_raw(huge, std::string("\xff\xff\xff\xff\x00", 5) + std::string(10000, 'x'));
  CHECK_FALSE(answer(huge));
  Channel other = stranger(port.meet());
  other.put({FrameKind::data, "hello"});
  CHECK_FALSE(answer(other));
  Channel short_hello = stranger(port.meet());
  short_hello.put({FrameKind::hello, encode(Member{}, "").substr(0, 30)});
  CHECK_FALSE(answer(short_hello));
  const Channel silent = stranger(port.meet());
  CHECK(join_all({place(1, 2, port.meet())}, {}, patient()).front() == "fine");
  CHECK(rank_0.get() == "fine");
}

TEST_CASE("strangers are told of when the ranks do not come") {
  const Port port;
  auto rank_0 = std::async(std::launch::async, [&] {
    return join_all({place(0, 2, port.meet())}, {}, impatient(2)).front();
  });
  Channel garbage = stranger(port.meet());
  send_raw(garbage, "GET / HTTP/1.0\r\n\r\n");
  CHECK_FALSE(answer(garbage));
  CHECK_THAT(rank_0.get(), Contains("1: rank 1 did not come") && Contains("strangers came: ") &&
                               Contains("sent 'GET / HTTP/1.0.."));
}

TEST_CASE("another version of the protocol is refused") {
  const Port port;
  auto rank_0 = std::async(std::launch::async, [&] {
    return join_all({place(0, 2, port.meet())}, {}, patient()).front();
  });
  Channel newer = stranger(port.meet());
  Writer hello;
  hello.text(protocol_name);
  hello.number(protocol_version + 1);
  hello.text("whatever comes then");
  newer.put({FrameKind::hello, hello.take()});
  const auto heard = answer(newer);
  REQUIRE(heard);
  CHECK(heard->kind == FrameKind::heard);
  const auto refused = answer(newer);
  REQUIRE(refused);
  CHECK(refused->kind == FrameKind::refused);
  CHECK_THAT(refused->payload, Contains("speaks version 2 of the protocol, rank 0 version 1"));
  CHECK_THAT(rank_0.get(), Contains("2: ") && Contains("speaks version 2 of the protocol"));
}

TEST_CASE("a rank that leaves before all are there") {
  const Port port;
  auto rank_0 = std::async(std::launch::async, [&] {
    return join_all({place(0, 3, port.meet())}, {}, patient()).front();
  });
  {
    Channel short_lived = stranger(port.meet());
    short_lived.put({FrameKind::hello, encode(Member{2, 3, "gone", {}}, "")});
    CHECK(answer(short_lived)->kind == FrameKind::heard);
  }
  CHECK_THAT(rank_0.get(), Contains("1: rank 2 on gone left before all were there") &&
                               Contains("rank 1 had not come yet"));
}

TEST_CASE("a port in use") {
  const Port port;
  const Address loopback = resolve("127.0.0.1", 1, Clock::now() + seconds(20))->front();
  const auto listener = listen_at(port.meet().port, &loopback);
  REQUIRE(listener);
  const auto world = World::join(place(0, 2, port.meet()), {}, impatient());
  CHECK_THAT(told(world), Contains("2: rank 0 cannot listen: Address already in use; found port") &&
                              Contains("--rendezvous"));
  // Who listens there does not answer: the others give up too.
  Limits limits = impatient();
  limits.answer_s = 0.1;
  const auto other = World::join(place(1, 2, port.meet()), {}, limits);
  CHECK_THAT(told(other), Contains("what listens there does not answer like rank 0"));
}

TEST_CASE("a host that is unknown") {
  for (const int rank : {0, 1}) {
    const Rendezvous nowhere{{}, "no.such.host.invalid", 4000};
    const auto world = World::join(place(rank, 2, nowhere), {}, impatient(5));
    CHECK_THAT(told(world), Contains("2: ") && Contains("'no.such.host.invalid'"));
  }
}

TEST_CASE("ranks meet through a shared file, whatever an earlier run left there") {
  const test::Folder folder;
  const Port nobody;
  const Port silent;
  const Address loopback = resolve("127.0.0.1", 1, Clock::now() + seconds(20))->front();
  const auto listener = listen_at(silent.meet().port, &loopback);
  REQUIRE(listener);
  const std::string old[] = {
      "", "garbage", notice_text({"old", {"127.0.0.1:" + std::to_string(nobody.meet().port)}}),
      notice_text({"old", {"127.0.0.1:" + std::to_string(silent.meet().port)}})};
  for (const std::string& text : old) {
    CAPTURE(text);
    const Rendezvous meet{folder.path("run"), {}, 0};
    if (!text.empty()) static_cast<void>(folder.write("run", text));
    Limits limits = patient();
    limits.answer_s = 0.5;
    check_all(join_all({place(0, 3, meet), place(1, 3, meet), place(2, 3, meet)}, {}, limits),
              "fine");
    CHECK_FALSE(std::filesystem::exists(meet.file));
  }
}

TEST_CASE("a rank of another run is sent back to the file") {
  const Port port;
  auto rank_0 = std::async(std::launch::async, [&] {
    return join_all({place(0, 2, port.meet())}, {}, patient()).front();
  });
  Channel lost = stranger(port.meet());
  lost.put({FrameKind::hello, encode(Member{1, 2, "elsewhere", {}}, "key of another run")});
  const auto reply = answer(lost);
  REQUIRE(reply);
  CHECK(reply->kind == FrameKind::stale);
  CHECK(join_all({place(1, 2, port.meet())}, {}, patient()).front() == "fine");
  CHECK(rank_0.get() == "fine");
}

TEST_CASE("a shared file that cannot be written or does not come") {
  const Rendezvous nowhere{"/no/such/folder/run", {}, 0};
  CHECK_THAT(told(World::join(place(0, 2, nowhere), {}, impatient())),
             Contains("2: /no/such/folder/run"));
  CHECK_THAT(told(World::join(place(1, 2, nowhere), {}, impatient(0.1))),
             Contains("1: rank 1 found no rank 0 at file:/no/such/folder/run within 0.1 s: "
                      "no such file"));
}

TEST_CASE("lists of ranks are short") {
  CHECK(rank_list({2}) == "rank 2");
  CHECK(rank_list({2, 3}) == "ranks 2 and 3");
  CHECK(rank_list({1, 2, 3, 7, 9, 10}) == "ranks 1-3, 7, 9 and 10");
}

}  // namespace
}  // namespace hsap::world
