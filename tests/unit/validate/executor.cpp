#include <catch2/catch.hpp>

#include "hsap/execute.hpp"
#include "support/compiled.hpp"

namespace hsap {
namespace {

using Catch::Contains;

Problem small_problem() {
  return {.batch = {{20, 30, 14}}, .mask = {}, .heads = {.query = 4, .key_value = 2, .dim = 16}};
}

Strategy four_ranks(Exchange exchange) {
  Strategy strategy;
  strategy.context_parallel = 4;
  strategy.exchange = exchange;
  return strategy;
}

/// Takes the first transfer of one direction that leaves its rank out of its exchange.
void drop(Schedule& schedule, Direction direction) {
  for (Operation& op : schedule.operations) {
    if (op.kind != Kind::exchange) continue;
    std::vector<Transfer> kept;
    bool dropped = false;
    for (const Transfer& transfer : schedule.transfers_of(op)) {
      if (!dropped && transfer.direction == direction && transfer.peer != op.rank) {
        dropped = true;
      } else {
        kept.push_back(transfer);
      }
    }
    if (!dropped) continue;
    op.payload = {static_cast<Index>(schedule.transfers.size()), static_cast<Index>(kept.size())};
    schedule.transfers.insert(schedule.transfers.end(), kept.begin(), kept.end());
    return;
  }
}

/// Turns the last collective of a kind on a rank into an operation that does nothing. The last, so
/// that those before it still meet their partners.
bool leave_out(Schedule& schedule, Rank rank, Kind kind) {
  const Range& program = schedule.programs[static_cast<std::size_t>(rank)];
  for (Index i = program.count; i-- > 0;) {
    Operation& op = schedule.operations[program.first + i];
    if (op.kind != kind) continue;
    op.kind = Kind::compute;
    op.payload = {static_cast<Index>(schedule.work.size()), 1};
    op.operands = {};
    schedule.work.push_back({});
    return true;
  }
  return false;
}

TEST_CASE("runs are equal bit for bit") {
  for (const Exchange exchange : {Exchange::ring, Exchange::all_gather, Exchange::p2p}) {
    const Problem problem = small_problem();
    Tensors first = random_inputs(problem, 1);
    Tensors second = first;
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      const Schedule schedule = support::compiled(problem, four_ranks(exchange), pass);
      REQUIRE(execute(schedule, first));
      REQUIRE(execute(schedule, second));
    }
    CHECK(first.by_role == second.by_role);
  }
}

TEST_CASE("bytes are counted as messages leave, and are those of the schedule") {
  for (const Exchange exchange : {Exchange::ring, Exchange::all_gather, Exchange::p2p}) {
    const Problem problem = small_problem();
    Tensors tensors = random_inputs(problem, 1);
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      const Schedule schedule = support::compiled(problem, four_ranks(exchange), pass);
      const Result<Execution> done = execute(schedule, tensors);
      REQUIRE(done);
      std::int64_t sent = 0;
      for (Rank from = 0; from < 4; ++from) {
        for (Rank to = 0; to < 4; ++to) sent += from == to ? 0 : done->sent(from, to);
      }
      CHECK(sent == support::sent_by_all(schedule));
    }
  }
}

TEST_CASE("a send that nobody made ends the run with who waits for whom") {
  const Problem problem = small_problem();
  Tensors tensors = random_inputs(problem, 1);
  Schedule schedule = support::compiled(problem, four_ranks(Exchange::ring), Pass::forward);
  drop(schedule, Direction::send);
  const Tensors before = tensors;
  const Result<Execution> done = execute(schedule, tensors);
  REQUIRE_FALSE(done);
  CHECK(done.error().kind == ErrorKind::infeasible);
  CHECK_THAT(done.error().text(), Contains("ranks wait for each other"));
  CHECK_THAT(done.error().text(), Contains("rank 1 at operation"));
  CHECK_THAT(done.error().text(), Contains("from rank 0"));
  CHECK(tensors.by_role == before.by_role);
}

TEST_CASE("a receive that is missing leaves a message, which is told and not hung on") {
  const Problem problem = small_problem();
  Tensors tensors = random_inputs(problem, 1);
  Schedule schedule = support::compiled(problem, four_ranks(Exchange::p2p), Pass::forward);
  drop(schedule, Direction::receive);
  const Result<Execution> done = execute(schedule, tensors);
  REQUIRE_FALSE(done);
  CHECK_THAT(done.error().text(), Contains("messages that nobody received: 1 from rank"));
}

TEST_CASE("a collective that one rank leaves out ends the run instead of going on without it") {
  const Problem problem = small_problem();
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    const Kind kind = pass == Pass::forward ? Kind::all_gather : Kind::reduce_scatter;
    Tensors tensors = random_inputs(problem, 1);
    reference_attention(problem, tensors);
    Schedule schedule = support::compiled(problem, four_ranks(Exchange::all_gather), pass);
    REQUIRE(leave_out(schedule, 2, kind));
    const Tensors before = tensors;
    const Result<Execution> done = execute(schedule, tensors);
    REQUIRE_FALSE(done);
    CHECK(done.error().kind == ErrorKind::infeasible);
    CHECK_THAT(done.error().text(), Contains("rank 0 at operation"));
    CHECK_THAT(done.error().text(), Contains("a group of 4 ranks of which only 3 come"));
    CHECK(tensors.by_role == before.by_role);
  }
}

TEST_CASE("a schedule that needs more than the machine has is refused") {
  Problem problem = small_problem();
  problem.batch = {{1 << 30}};
  Strategy strategy = four_ranks(Exchange::all_gather);
  strategy.layout = Layout::contiguous;
  problem.heads = {.query = 64, .key_value = 64, .dim = 128};
  Tensors none;
  const Result<Execution> done = execute(support::compiled(problem, strategy, Pass::forward), none);
  REQUIRE_FALSE(done);
  CHECK_THAT(done.error().text(), Contains("of this machine"));
}

}  // namespace
}  // namespace hsap
