#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>

#include "schedule/builder.hpp"
#include "support/compiled.hpp"
#include "support/random_problem.hpp"
#include "unit/validate/world/ranks.hpp"
#include "validate/device/fake_communicator.hpp"
#include "validate/gpu/execute_in_world.hpp"
#include "validate/gpu/execute_rank.hpp"
#include "validate/host/program.hpp"

namespace hsap {
namespace {

using support::Random;

/// Fabrics by name, as ids of communicators are.
class Fabrics {
 public:
  std::string make() {
    const std::scoped_lock lock(mutex_);
    std::string id = std::to_string(fabrics_.size());
    fabrics_[id];
    return id;
  }
  device::FakeFabric& at(const std::string& id) {
    const std::scoped_lock lock(mutex_);
    return fabrics_.at(id);
  }

 private:
  std::mutex mutex_;
  std::map<std::string, device::FakeFabric> fabrics_;
};

constexpr int ranks_of_a_node = 2;

constexpr const char* gone = "gone";

/// Runs `use` in every rank of a world of threads, each with a fake device of its own, and answers
/// what each has to say. A rank that says that it is gone leaves as a process does that is killed.
using Use = std::function<std::string(world::World&, const executor::RankMachine&)>;
std::vector<std::string> in_ranks(int ranks, const Use& use) {
  Fabrics fabrics;
  const world::Port port;
  return world::run_ranks(ranks, [&](int rank) -> std::string {
    auto world = world::World::join(world::place(rank, ranks, port.meet()), {}, world::patient());
    if (!world) return world.error().text();
    device::FakeDevice device(static_cast<std::uint64_t>(rank));
    std::vector<const device::FakeFabric*> used;
    device.set_poll([&]() -> Status {
      const bool aborted =
          std::any_of(used.begin(), used.end(), [](const auto* each) { return each->aborted(); });
      return aborted ? Status(infeasible("the run was aborted")) : Status();
    });
    executor::RankMachine machine{device, {}, {}, executor::AtOnce::all, 2};
    for (int i = 0; i < ranks; ++i) machine.nodes.push_back(i / ranks_of_a_node);
    machine.communicators = {
        [&]() -> Result<std::string> { return fabrics.make(); },
        [&](std::string_view id, Rank at,
            int size) -> Result<std::unique_ptr<device::Communicator>> {
          device::FakeFabric& fabric = fabrics.at(std::string(id));
          used.push_back(&fabric);
          return std::unique_ptr<device::Communicator>(
              std::make_unique<device::FakeCommunicator>(fabric, device, at, size));
        }};
    std::string said = use(*world, machine);
    if (said != gone && !world->lost()) static_cast<void>(world->finish());
    return said;
  });
}

bool equal(const Tensor& a, const Tensor& b) { return a.values == b.values; }

/// Every operation of every rank has its time, and the slowest rank gives that of each repeat.
bool timed(const Execution& run, const Schedule& schedule) {
  std::vector<bool> seen(schedule.operations.size());
  double last_s = 0;
  for (const OperationTime& time : run.times) {
    seen[time.operation] = true;
    last_s = std::max(last_s, time.begin_s + time.seconds - time.spread_s);
  }
  return run.times.size() == seen.size() &&
         std::find(seen.begin(), seen.end(), false) == seen.end() && run.run_s.size() == 2 &&
         run.run_s.back() >= last_s;
}

/// Both passes, against ranks as threads on the host.
void check(const Problem& problem, const Strategy& strategy, std::uint64_t seed, bool graph) {
  CAPTURE(graph);
  INFO(support::describe(problem, strategy));
  const Schedule forward = support::compiled(problem, strategy, Pass::forward);
  const Schedule backward = support::compiled(problem, strategy, Pass::backward);
  Tensors truth = random_inputs(problem, seed);
  const Tensors inputs = truth;
  const auto first = execute(forward, truth);
  const auto second = execute(backward, truth);
  REQUIRE(first);
  REQUIRE(second);
  const auto said =
      in_ranks(forward.ranks(), [&](world::World& world, executor::RankMachine machine) {
        machine.graph = graph;
        Tensors tensors = inputs;
        for (const auto* pass : {&forward, &backward}) {
          const Execution& expected = pass == &forward ? *first : *second;
          const auto run = executor::execute_in_world(*pass, tensors, world, machine, {});
          if (!run) return run.error().text();
          if (world.rank() != 0) continue;
          if (run->bytes_sent != expected.bytes_sent) return std::string("other bytes");
          if (!timed(*run, *pass)) return std::string("times");
          if (run->peak_buffer_bytes != expected.peak_buffer_bytes) return std::string("memory");
        }
        for (const Role role : {Role::o, Role::lse, Role::dq, Role::dk, Role::dv}) {
          if (world.rank() == 0 && !equal(tensors[role], truth[role])) {
            return "other " + std::string(to_string(role));
          }
        }
        return std::string("fine");
      });
  for (const std::string& each : said) CHECK(each == "fine");
}

TEST_CASE("ranks in processes of their own give what threads on the host give") {
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    const Problem problem = support::random_problem(random);
    const Strategy strategy = support::random_strategy(random, problem, 4);
    for (const bool graph : {false, true}) check(problem, strategy, seed, graph);
  }
}

TEST_CASE("collectives of equal parts are done at once") {
  for (const Layout layout : {Layout::contiguous, Layout::zigzag}) {
    for (const Dtype dtype : {Dtype::bf16, Dtype::fp32}) {
      const Problem problem{.batch = {{40, 24}},
                            .mask = {},
                            .heads = {.query = 4, .key_value = 2, .dim = 8},
                            .dtype = dtype};
      Strategy strategy;
      strategy.ulysses = 2;
      strategy.context_parallel = 2;
      strategy.exchange = Exchange::all_gather;
      strategy.layout = layout;
      const auto groups = [&](Pass pass, executor::AtOnce at_once) {
        return executor::groups_at_once(support::compiled(problem, strategy, pass), at_once).size();
      };
      CHECK(groups(Pass::forward, executor::AtOnce::none) == 0);
      CHECK(groups(Pass::forward, executor::AtOnce::gathers) == 2);
      CHECK(groups(Pass::backward, executor::AtOnce::all) > 2);
      for (const bool graph : {false, true}) check(problem, strategy, 1, graph);
    }
  }
}

TEST_CASE("streams that stay inside nodes have communicators there") {
  Problem problem;
  problem.batch = {{64}};
  problem.heads = {.query = 4, .key_value = 4, .dim = 8};
  Strategy strategy;
  strategy.ulysses = 2;
  strategy.context_parallel = 2;
  const Schedule schedule = support::compiled(problem, strategy, Pass::forward);
  using Ranks = std::vector<std::vector<Rank>>;
  const int nodes[] = {0, 0, 1, 1};
  const auto own = executor::AtOnce::all;
  CHECK(executor::communicator_ranks(schedule, Stream::heads, nodes, own) == Ranks{{0, 1}, {2, 3}});
  CHECK(executor::communicator_ranks(schedule, Stream::keys, nodes, own) == Ranks{{0, 1, 2, 3}});
  CHECK(executor::communicator_ranks(schedule, Stream::network, nodes, own).empty());
  const int one_node[] = {7, 7, 7, 7};
  CHECK(executor::communicator_ranks(schedule, Stream::keys, one_node, own) == Ranks{{0, 1, 2, 3}});
}

TEST_CASE("results stay where they are when only times count") {
  Problem problem;
  problem.batch = {{64}};
  problem.heads = {.query = 2, .key_value = 2, .dim = 8};
  Strategy strategy;
  strategy.context_parallel = 2;
  strategy.layout = Layout::contiguous;
  const Schedule schedule = support::compiled(problem, strategy, Pass::forward);
  Tensors truth = random_inputs(problem, 1);
  const Tensors inputs = truth;
  REQUIRE(execute(schedule, truth));
  const auto said = in_ranks(2, [&](world::World& world, executor::RankMachine machine) {
    machine.gathers_results = false;
    Tensors tensors = inputs;
    const auto run = executor::execute_in_world(schedule, tensors, world, machine, {});
    if (!run) return run.error().text();
    if (world.rank() == 0 && !timed(*run, schedule)) return std::string("times");
    for (Token token = 0; token < 64; ++token) {
      const auto own = tensors[Role::o].row(token, 1);
      const auto expected = truth[Role::o].row(token, 1);
      const bool same = std::equal(own.begin(), own.end(), expected.begin());
      if (same != (token / 32 == world.rank())) return "token " + std::to_string(token);
    }
    return std::string("fine");
  });
  for (const std::string& each : said) CHECK(each == "fine");
}

TEST_CASE("multiprocessors that are kept for messages are shared by the streams that have any") {
  Problem problem;
  problem.batch = {{64}};
  problem.heads = {.query = 4, .key_value = 4, .dim = 8};
  const auto streams_of = [&](int ulysses, int context, Pass pass) {
    Strategy strategy;
    strategy.ulysses = ulysses;
    strategy.context_parallel = context;
    return executor::communicating_streams(support::compiled(problem, strategy, pass));
  };
  CHECK(streams_of(1, 1, Pass::forward) == 0);
  CHECK(streams_of(2, 1, Pass::forward) == 1);
  CHECK(streams_of(1, 2, Pass::forward) == 1);
  CHECK(streams_of(2, 2, Pass::forward) == 2);
  CHECK(streams_of(2, 2, Pass::backward) == 3);
  CHECK(executor::blocks_of_communicator(16, 1) == 16);
  CHECK(executor::blocks_of_communicator(16, 3) == 4);
  CHECK(executor::blocks_of_communicator(15, 1) == 8);
  CHECK(executor::blocks_of_communicator(2, 3) == 1);
}

/// Rank 1 waits for a row that rank 0 never sends.
Schedule one_sided() {
  ScheduleBuilder build(Pass::forward, 1, {.query = 1, .key_value = 1, .dim = 8});
  for (Rank rank = 0; rank < 2; ++rank) {
    const Range rows = build.intervals({{0, 1, 1}});
    build.begin_rank(rank == 0 ? rows : build.intervals({}));
    const Index k =
        build.buffer(Role::k, rank == 0 ? Usage::input : Usage::staging, Dtype::fp32, {0, 1}, rows);
    if (rank == 0) continue;
    build.exchange(Stream::keys);
    build.receive(0, k, rows, {0, 1});
  }
  return build.finish();
}

TEST_CASE("a rank that waits for ever ends all, with the operation in which it waits") {
  using Catch::Matchers::Contains;
  const Schedule schedule = one_sided();
  const auto said = in_ranks(2, [&](world::World& world, const executor::RankMachine& machine) {
    Tensors tensors;
    tensors[Role::k] = Tensor(1, 1, 8, 1.0);
    return world::told(
        executor::execute_in_world(schedule, tensors, world, machine, {Arithmetic::fp32, 0.5}));
  });
  for (const std::string& each : said) {
    CHECK_THAT(each, Contains("1: rank 1 failed") && Contains("exchange") && !Contains("\n"));
  }
}

/// Two ranks that pass keys on to each other.
Schedule ring_of_two(const Problem& problem) {
  Strategy strategy;
  strategy.context_parallel = 2;
  strategy.exchange = Exchange::ring;
  return support::compiled(problem, strategy, Pass::forward);
}

const Problem two_documents{
    .batch = {{20, 12}}, .mask = {}, .heads = {.query = 2, .key_value = 2, .dim = 8}};

/// Does something else than to exchange messages from a graph.
class Hooked : public device::Communicator {
 public:
  using Hook = std::function<Status(device::FakeDevice&)>;
  Hooked(std::unique_ptr<device::Communicator> inner, device::FakeDevice& device, Hook hook)
      : inner_(std::move(inner)), device_(device), hook_(std::move(hook)) {}

  Status exchange(device::StreamId stream, std::span<const device::Message> messages) override {
    return device_.captures(stream) ? hook_(device_) : inner_->exchange(stream, messages);
  }
  Status all_gather(device::StreamId stream, std::span<const device::Share> shares) override {
    return inner_->all_gather(stream, shares);
  }
  Status reduce_scatter(device::StreamId stream, std::span<const device::Share> shares) override {
    return inner_->reduce_scatter(stream, shares);
  }
  Status adopt(std::byte* data, std::int64_t bytes) override { return inner_->adopt(data, bytes); }
  Status poll() override { return inner_->poll(); }
  void abort() override { inner_->abort(); }

 private:
  std::unique_ptr<device::Communicator> inner_;
  device::FakeDevice& device_;
  Hook hook_;
};

/// What two ranks say of a run from graphs where this is what rank 1 does for its exchanges.
std::vector<std::string> with_hook(const Hooked::Hook& hook) {
  const Schedule schedule = ring_of_two(two_documents);
  return in_ranks(2, [&](world::World& world, executor::RankMachine machine) {
    machine.graph = true;
    machine.repeats = 1;
    auto& device = dynamic_cast<device::FakeDevice&>(machine.device);
    const auto connect = machine.communicators.connect;
    if (world.rank() == 1) {
      machine.communicators.connect =
          [&](std::string_view id, Rank rank,
              int ranks) -> Result<std::unique_ptr<device::Communicator>> {
        HSAP_TRY(auto inner, connect(id, rank, ranks));
        return std::unique_ptr<device::Communicator>(
            std::make_unique<Hooked>(std::move(inner), device, hook));
      };
    }
    Tensors tensors = random_inputs(two_documents, 1);
    return world::told(
        executor::execute_in_world(schedule, tensors, world, machine, {Arithmetic::fp32, 0.5}));
  });
}

TEST_CASE("a rank whose graph waits for ever ends all, and says that it is the graph") {
  using Catch::Matchers::Contains;
  const auto said = with_hook([](device::FakeDevice&) { return Status(); });
  CHECK_THAT(said[0],
             Contains("1: rank 0 failed: no progress for 0.5 s: waits longer than 0.5 s in "
                      "the graph of its operations"));
  CHECK_THAT(said[1], Contains("rank 0 failed: no progress"));
}

TEST_CASE("a call that fails in a capture ends all, with its operation or the graph") {
  using Catch::Matchers::Contains;
  const auto told = with_hook([](device::FakeDevice& device) -> Status {
    HSAP_CHECK(device.allocate(1));
    return {};
  });
  for (const std::string& each : told) {
    CHECK_THAT(each, Contains("rank 1 in operation") && Contains("exchange") &&
                         Contains(": allocate during a capture") && !Contains("\n"));
  }
  const auto ignored = with_hook([](device::FakeDevice& device) -> Status {
    static_cast<void>(device.allocate(1));
    return {};
  });
  for (const std::string& each : ignored) {
    CHECK_THAT(each, Contains("rank 1 in the graph of its operations: allocate during a "
                              "capture"));
  }
}

TEST_CASE("a rank that is lost before it runs its graph ends the others in theirs") {
  using Catch::Matchers::Contains;
  struct Killed {};
  const Schedule schedule = ring_of_two(two_documents);
  const auto begin = std::chrono::steady_clock::now();
  const auto said = in_ranks(2, [&](world::World& world, executor::RankMachine machine) {
    machine.graph = true;
    Tensors tensors = random_inputs(two_documents, 1);
    if (world.rank() == 0) {
      return world::told(executor::execute_in_world(schedule, tensors, world, machine, {}));
    }
    const auto communicators =
        executor::connect(schedule, world, machine.nodes, machine.at_once, machine.communicators);
    if (!communicators) return communicators.error().text();
    executor::RankResources on{machine.device, {}, {}, machine.at_once, machine.repeats, true};
    for (std::size_t stream = 0; stream < streams; ++stream) {
      on.communicators[stream] = communicators->by_stream[stream].get();
    }
    host::make_room(schedule, tensors);
    try {
      const auto run =
          executor::execute_rank(schedule, 1, tensors, on, [](std::optional<Index> op) {
            if (!op) throw Killed();
          });
      return world::told(run);
    } catch (const Killed&) {
      return std::string(gone);
    }
  });
  CHECK(said[1] == gone);
  CHECK_THAT(said[0], Contains("1: rank 1 was lost"));
  // Long before anyone's patience ends.
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
}

TEST_CASE("a plan for another number of processes") {
  const Schedule schedule = one_sided();
  const auto said = in_ranks(3, [&](world::World& world, const executor::RankMachine& machine) {
    Tensors tensors;
    return world::told(executor::execute_in_world(schedule, tensors, world, machine, {}));
  });
  for (const std::string& each : said) {
    CHECK(each == "2: the plan is for another number of processes; found 3, expected 2");
  }
}

}  // namespace
}  // namespace hsap
