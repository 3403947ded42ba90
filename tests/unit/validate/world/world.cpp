#include "validate/world/world.hpp"

#include <catch2/catch.hpp>
#include <future>
#include <set>

#include "unit/validate/world/ranks.hpp"
#include "validate/world/watchdog.hpp"

namespace hsap::world {
namespace {

using Catch::Contains;
using Body = std::function<std::string(World&)>;

/// Ranks that have met. Each leaves when its body returns.
std::vector<std::string> in_world(int ranks, const Limits& limits, const Body& body) {
  const Port port;
  return run_ranks(ranks, [&](int rank) {
    Result<World> world = World::join(place(rank, ranks, port.meet()), {}, limits);
    return world ? body(*world) : told(world);
  });
}

/// Waits for the callback.
std::string first_loss(World& world) {
  std::promise<std::string> heard;
  world.on_loss([&](const Loss& loss) { heard.set_value(loss.text()); });
  std::string text = heard.get_future().get();
  world.on_loss({});
  return text;
}

TEST_CASE("bytes go from rank 0 to all, and from all to rank 0") {
  for (const int ranks : {1, 2, 8}) {
    const auto said = in_world(ranks, patient(), [&](World& world) {
      const std::string mine(std::size_t{1} + 1000 * static_cast<std::size_t>(world.rank()), 'x');
      for (int round = 0; round < 20; ++round) {
        const auto id = world.broadcast(world.rank() == 0 ? std::string(128, '\0') + "id" : "");
        if (!id || *id != std::string(128, '\0') + "id") return "broadcast: " + told(id);
        const auto all = world.gather(mine);
        if (!all) return told(all);
        const std::size_t expected = world.rank() == 0 ? static_cast<std::size_t>(ranks) : 0;
        if (all->size() != expected) return std::string("gather");
        for (std::size_t rank = 0; rank < all->size(); ++rank) {
          if ((*all)[rank].size() != 1 + 1000 * rank) return std::string("gathered");
        }
        if (const Status status = world.barrier(); !status) return told(status);
      }
      return told(world.finish());
    });
    check_all(said, "fine");
  }
}

TEST_CASE("a broadcast carries a mebibyte and no more") {
  const auto said = in_world(1, patient(), [](World& world) {
    const auto much = world.gather(std::string(World::most_bytes + 1, 'x'));
    return told(much);
  });
  CHECK_THAT(said[0], Contains("1048577 bytes"));
  const auto large = in_world(3, patient(), [](World& world) {
    const auto all = world.broadcast(std::string(World::most_bytes, 'x'));
    if (!all || all->size() != World::most_bytes) return "broadcast: " + told(all);
    return told(world.finish());
  });
  check_all(large, "fine");
}

TEST_CASE("all fail when one says so, each text once") {
  const auto said = in_world(4, patient(), [](World& world) {
    const Status first = world.agree({});
    if (!first) return told(first);
    Status own;
    if (world.rank() == 1) own = infeasible("no memory");
    if (world.rank() >= 2) own = bad_input("no such plan");
    std::string text = told(world.agree(own));
    const Status end = world.finish();
    return end ? text : told(end);
  });
  check_all(said, "2: rank 1: no memory; ranks 2 and 3: no such plan");
}

TEST_CASE("who leaves early is missed by all the others") {
  const auto said = in_world(4, patient(), [](World& world) {
    static_cast<void>(world.barrier());  // who is slow hears of the loss in here
    if (world.rank() == 2) return std::string("left");
    const std::string text = first_loss(world);
    const Status late = world.barrier();
    return late || world.lost()->text() != text ? "a barrier after a loss" : text;
  });
  for (const int rank : {0, 1, 3}) {
    CHECK(said[static_cast<std::size_t>(rank)] ==
          "rank 2 was lost: its connection closed before the run was over");
  }
}

TEST_CASE("rank 0 is missed too") {
  const auto said = in_world(3, patient(), [](World& world) {
    if (const Status status = world.barrier(); !status) return told(status);
    return world.rank() == 0 ? std::string("left") : told(world.barrier());
  });
  CHECK_THAT(said[1], Contains("1: rank 0 was lost"));
  CHECK_THAT(said[2], Contains("1: rank 0 was lost"));
}

TEST_CASE("last words reach everyone, also those of several ranks") {
  const auto said = in_world(5, patient(), [](World& world) {
    static_cast<void>(world.barrier());  // who is slow hears of the loss in here
    if (world.rank() == 3) world.fail("waits in operation 17 for rank 1");
    const std::string text = first_loss(world);
    if (world.rank() != 3) world.fail("stopped by rank " + std::to_string(world.lost()->rank));
    std::set<int> ranks;
    if (world.rank() == 0) {
      for (const Loss& loss : world.last_words(20)) ranks.insert(loss.rank);
      // Who has left has said all he had to say before.
      if (ranks.size() != 5) return "heard " + std::to_string(ranks.size());
    }
    return text;
  });
  check_all(said, "rank 3 failed: waits in operation 17 for rank 1");
}

TEST_CASE("a callback that comes after the loss is called at once") {
  const auto said = in_world(2, patient(), [](World& world) {
    if (world.rank() == 0) {
      world.fail("no more");
    } else if (world.broadcast("")) {  // which rank 0 never sends, so that the loss has come
      return std::string("no loss");
    }
    return first_loss(world);
  });
  check_all(said, "rank 0 failed: no more");
}

TEST_CASE("who does not come to a barrier in time is named by all") {
  Limits limits = patient();
  limits.step_s = 0.3;
  const auto said = in_world(4, limits, [](World& world) {
    if (world.rank() == 1 || world.rank() == 3) return first_loss(world);
    return told(world.barrier());
  });
  CHECK_THAT(said[0], Contains("waited 0.3 s in a barrier for ranks 1 and 3"));
  CHECK_THAT(said[1], Contains("waited 0.3 s in a barrier for ranks 1 and 3"));
  CHECK_THAT(said[2], Contains("waited 0.3 s in a barrier for ranks 1 and 3"));
}

TEST_CASE("rank 0 that does not come in time is named by all") {
  const auto said = in_world(3, patient(), [](World& world) {
    if (world.rank() == 0) return first_loss(world);
    if (world.rank() == 1) return told(world.broadcast("", 0.2));
    return told(world.broadcast(""));
  });
  for (const std::string& each : said) {
    CHECK_THAT(each, Contains("rank 1 failed: waited 0.2 s in a broadcast for rank 0"));
  }
}

TEST_CASE("who does not finish in time is named") {
  const auto said = in_world(3, patient(), [](World& world) {
    if (world.rank() == 2) return first_loss(world);
    if (world.rank() == 1) return told(world.finish());
    return told(world.finish(0.2));
  });
  for (const std::string& each : said) {
    CHECK_THAT(each, Contains("rank 0 failed: waited 0.2 s in a finish for") && Contains("2"));
  }
}

TEST_CASE("ranks in different steps notice") {
  const auto said = in_world(2, patient(), [](World& world) {
    if (world.rank() == 0) return told(world.barrier());
    const auto sent = world.gather("");
    return sent ? first_loss(world) : told(sent);
  });
  CHECK_THAT(said[0], Contains("is in barrier 0, and rank 1 in gather 0"));
  CHECK_THAT(said[1], Contains("is in barrier 0, and rank 1 in gather 0"));
}

/// A rank 1 that meets the others and then never says anything again.
Channel mute_rank(const Rendezvous& meet) {
  Result<Meeting> meeting = go_to_rank_0({1, 3, "mute", {}}, meet, patient());
  REQUIRE(meeting);
  return std::move(meeting->channels.front());
}

TEST_CASE("a rank that gives no sign of life is lost") {
  const Port port;
  Limits limits = patient();
  limits.silence_s = 1;
  const auto body = [&](int rank) {
    Result<World> world = World::join(place(rank, 3, port.meet()), {}, limits);
    return world ? first_loss(*world) : told(world);
  };
  auto rank_0 = std::async(std::launch::async, body, 0);
  auto rank_2 = std::async(std::launch::async, body, 2);
  const Channel mute = mute_rank(port.meet());
  CHECK(rank_0.get() == "rank 1 was lost: no sign of life for 1 s");
  CHECK(rank_2.get() == "rank 1 was lost: no sign of life for 1 s");
}

TEST_CASE("a rank that talks nonsense is lost") {
  const Port port;
  const auto body = [&](int rank) {
    Result<World> world = World::join(place(rank, 3, port.meet()), {}, patient());
    return world ? first_loss(*world) : told(world);
  };
  auto rank_0 = std::async(std::launch::async, body, 0);
  auto rank_2 = std::async(std::launch::async, body, 2);
  Channel mute = mute_rank(port.meet());
  mute.put({FrameKind::welcome, "to all"});
  mute.write();
  CHECK(rank_0.get() == "rank 1 was lost: it sent a frame that does not belong there");
  CHECK(rank_2.get() == "rank 1 was lost: it sent a frame that does not belong there");
}

TEST_CASE("a watchdog tells where its rank is stuck") {
  const auto said = in_world(3, patient(), [](World& world) {
    static_cast<void>(world.barrier());  // who is slow hears of the loss in here
    if (world.rank() != 1) return first_loss(world);
    Watchdog dog(world, 0.2, [] { return std::string("waits in operation 17 for rank 2"); });
    return first_loss(world);
  });
  check_all(said, "rank 1 failed: no progress for 0.2 s: waits in operation 17 for rank 2");
}

TEST_CASE("a watchdog is content with progress and ends with its object") {
  const auto said = in_world(2, patient(), [](World& world) {
    {
      Watchdog dog(world, 10, [] { return std::string("nothing"); });
      const auto end = Clock::now() + seconds(0.1);
      while (Clock::now() < end) dog.progress();
    }
    return told(world.finish());
  });
  check_all(said, "fine");
}

}  // namespace
}  // namespace hsap::world
