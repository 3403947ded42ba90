#include "validate/world/spawn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <thread>

#include "validate/world/socket.hpp"

namespace hsap::world {
namespace {

using Catch::Contains;

struct Spawned {
  SpawnReport report;
  std::vector<std::string> out;
  std::vector<std::string> err;
};

using Watcher = std::function<void(const Spawned&)>;

/// Runs the rank program; `watch` sees every line of output.
Spawned spawn(int ranks, std::vector<std::string> arguments, const Watcher& watch = {},
              SpawnOptions options = {}) {
  Spawned spawned;
  options.out = [&](std::string_view line) {
    spawned.out.emplace_back(line);
    if (watch) watch(spawned);
  };
  options.err = [&](std::string_view line) { spawned.err.emplace_back(line); };
  arguments.insert(arguments.begin(), HSAP_RANK_PROGRAM);
  Result<SpawnReport> report = spawn_local(ranks, arguments, options);
  INFO((report ? "" : report.error().text()));
  REQUIRE(report);
  spawned.report = *std::move(report);
  return spawned;
}

/// The numbers behind `word` in the output.
std::vector<int> numbers(const Spawned& spawned, const std::string& word) {
  std::vector<int> found;
  for (const std::string& line : spawned.out) {
    const std::size_t at = line.find(word + " ");
    if (at != std::string::npos) found.push_back(std::atoi(&line[at + word.size() + 1]));
  }
  return found;
}

/// Gone, or dead and not yet buried by its new parent.
bool dead(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  if (!std::getline(file, text)) return true;
  const std::size_t name = text.rfind(')');
  return name != std::string::npos && text.compare(name, 3, ") Z") == 0;
}

bool all_dead(const std::vector<int>& pids) {
  const auto deadline = Clock::now() + seconds(10);
  while (Clock::now() < deadline) {
    if (std::all_of(pids.begin(), pids.end(), dead)) return true;
    std::this_thread::yield();
  }
  return false;
}

TEST_CASE("ranks of this machine run together and speak line by line") {
  for (const int ranks : {1, 2, 8}) {
    Spawned spawned = spawn(ranks, {"well"});
    CAPTURE(spawned.err);
    CHECK(spawned.report.exit_code() == 0);
    CHECK(spawned.report.text().empty());
    std::vector<std::string> expected;
    for (int rank = 0; rank < ranks; ++rank) {
      const std::string prefix = rank == 0 ? "" : fmt::format("[rank {}] ", rank);
      expected.push_back(fmt::format("{}rank {} of {} is done\n", prefix, rank, ranks));
    }
    std::sort(expected.begin(), expected.end());
    std::sort(spawned.out.begin(), spawned.out.end());
    CHECK(spawned.out == expected);
  }
}

TEST_CASE("a rank that is killed ends all within seconds, and all name it") {
  for (const int victim : {0, 3}) {
    const Spawned spawned = spawn(4, {"die", std::to_string(victim)});
    const SpawnReport& report = spawned.report;
    CHECK(report.exit_code() == 1);
    const RankEnd& first = report.ends[static_cast<std::size_t>(victim)];
    CHECK(first.signal == SIGKILL);
    CHECK_THAT(report.text(),
               Contains("rank " + std::to_string(victim) + " was killed by signal 9 (SIGKILL)"));
    for (const RankEnd& end : report.ends) CHECK(end.at_s - first.at_s < 3);
    CHECK(spawned.err.size() == 3);
    for (const std::string& line : spawned.err) {
      CHECK_THAT(line, Contains("rank " + std::to_string(victim) + " was lost"));
    }
  }
}

TEST_CASE("the exit code is that of the rank that failed, whoever ends first") {
  const Spawned spawned = spawn(3, {"leave", "1"});
  CHECK(spawned.report.exit_code() == 2);
  CHECK_THAT(spawned.report.text(), Catch::StartsWith("rank 1 ended with exit code 2"));
}

TEST_CASE("a stuck rank is told of by its watchdog") {
  const Spawned spawned = spawn(3, {"stuck", "2"});
  CHECK(spawned.report.exit_code() == 1);
  REQUIRE(spawned.err.size() == 3);
  for (const std::string& line : spawned.err) {
    CHECK_THAT(line, Contains("rank 2 failed: no progress for 0.3 s: waits in operation 17"));
  }
}

TEST_CASE("ranks that do not notice a failure are told to stop, then killed") {
  SpawnOptions quick;
  quick.grace_s = 0.1;
  quick.term_s = 0.1;
  const Spawned spawned = spawn(3, {"hang", "1"}, {}, quick);
  CHECK(spawned.report.exit_code() == 1);
  CHECK_THAT(spawned.report.text(), Catch::StartsWith("rank 1 ended with exit code 1") &&
                                        Contains("rank 0 was killed by signal 15 (SIGTERM) after"));
  const Spawned stubborn = spawn(3, {"stubborn", "1"}, {}, quick);
  CHECK(stubborn.report.exit_code() == 1);
  CHECK(all_dead(numbers(stubborn, "pid")));
}

TEST_CASE("signals reach the ranks, and none is left") {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Spawned spawned = spawn(3, {"hang"}, [&](const Spawned& so_far) {
      if (so_far.out.size() == 3) std::raise(signal);
    });
    CHECK(spawned.report.exit_code() == 128 + signal);
    for (const RankEnd& end : spawned.report.ends) CHECK(end.signal == signal);
    const std::vector<int> pids = numbers(spawned, "pid");
    CHECK(pids.size() == 3);
    CHECK(all_dead(pids));
  }
}

TEST_CASE("a parent that is killed leaves no orphan") {
  std::vector<int> pids;
  const Spawned spawned = spawn(1, {"parent"}, [&](const Spawned& so_far) {
    pids = numbers(so_far, "pid");
    if (pids.size() == 2) ::kill(numbers(so_far, "parent").front(), SIGKILL);
  });
  CHECK(spawned.report.ends.front().signal == SIGKILL);
  CHECK(pids.size() == 2);
  CHECK(all_dead(pids));
}

TEST_CASE("a program that there is not") {
  const auto report = spawn_local(2, {"/no/such/program"}, {});
  REQUIRE(!report);
  CHECK_THAT(report.error().text(), Contains("/no/such/program"));
}

TEST_CASE("this program is found whatever it was called") {
  const char* const argv[] = {"called", "--ranks", "4"};
  const std::vector<std::string> command = this_command(3, argv);
  REQUIRE(command.size() == 3);
  CHECK(command[0].starts_with('/'));
  CHECK(command[2] == "4");
  CHECK_FALSE(is_spawned([](const char*) { return std::nullopt; }));
}

}  // namespace
}  // namespace hsap::world
