// One rank of a run, started by the tests of spawn_local(): rank WHAT [WHO].

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>

#include "validate/world/spawn.hpp"
#include "validate/world/watchdog.hpp"
#include "validate/world/world.hpp"

namespace hsap::world {
namespace {

void say(std::FILE* to, const std::string& text) {
  fmt::print(to, "{}\n", text);
  std::fflush(to);
}

int fail(const std::string& text) {
  say(stderr, text);
  return 1;
}

/// Until a signal ends it.
[[noreturn]] void hang() {
  while (true) ::pause();
}

std::string first_loss(World& world) {
  std::promise<std::string> heard;
  world.on_loss([&](const Loss& loss) { heard.set_value(loss.text()); });
  std::string text = heard.get_future().get();
  world.on_loss({});
  return text;
}

int take_part(const std::string& what, int who) {
  const Result<Place> place = find_place(process_environment());
  if (!place) return fail(place.error().text());
  Result<World> world = World::join(*place, {fmt::format("gpu{}", place->local_rank), "plan", ""});
  if (!world) return fail(world.error().text());
  const auto id = world->broadcast(world->rank() == 0 ? "unique id" : "");
  if (!id || *id != "unique id") return fail("no id");
  const Status together = world->barrier();
  if (!together) return fail(together.error().text());
  const bool me = world->rank() == who;
  if (me && what == "die") std::raise(SIGKILL);
  if (me && what == "leave") return 2;
  if (me && what == "stuck") {
    const Watchdog dog(*world, 0.3, [] { return std::string("waits in operation 17"); });
    return fail(first_loss(*world));
  }
  if (what != "well") return fail(first_loss(*world));
  const Status end = world->finish();
  if (!end) return fail(end.error().text());
  say(stdout, fmt::format("rank {} of {} is done", world->rank(), world->size()));
  return 0;
}

/// Ends as `what` says, without a word to the others.
int run(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const int who = argc > 2 ? std::atoi(argv[2]) : -1;
  if (what == "hang" || what == "stubborn") {
    if (what == "stubborn") std::signal(SIGTERM, SIG_IGN);
    if (process_environment()("RANK") == std::to_string(who)) return 1;
    say(stdout, fmt::format("pid {}", ::getpid()));
    hang();
  }
  if (what == "parent") {
    SpawnOptions options;
    options.out = [](std::string_view line) {
      fmt::print("{}", line);
      std::fflush(stdout);
    };
    say(stdout, fmt::format("parent {}", ::getpid()));
    return spawn_local(2, {argv[0], "hang"}, options) ? 0 : 1;
  }
  return take_part(what, who);
}

}  // namespace
}  // namespace hsap::world

int main(int argc, char** argv) { return hsap::world::run(argc, argv); }
