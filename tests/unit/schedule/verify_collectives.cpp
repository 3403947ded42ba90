#include <catch2/catch.hpp>

#include "hsap/verify.hpp"
#include "schedule/builder.hpp"
#include "support/ring.hpp"

namespace hsap {
namespace {

constexpr Token tokens = 12;
constexpr HeadRange queries{0, 4};
constexpr HeadRange keys{0, 2};

Problem one_document() {
  Problem problem;
  problem.batch.lengths = {tokens};
  problem.heads = {4, 2, 8};
  return problem;
}

/// Gathers all keys and values on every rank of three, attends, and in the backward pass sums
/// the gradients where they belong.
class Gathered {
 public:
  explicit Gathered(Pass pass) : build_(pass, tokens, one_document().heads) {
    for (const Intervals& shard : test::contiguous(tokens, 3)) {
      shards_.push_back(build_.intervals(shard));
    }
    all_ = build_.intervals({{0, tokens, 1}});
    for (Rank rank = 0; rank < 3; ++rank) {
      build_.begin_rank(shards_[static_cast<std::size_t>(rank)]);
      rows_ = shards_[static_cast<std::size_t>(rank)];
      gather();
      pass == Pass::forward ? attend(rank) : attend_backward(rank);
    }
  }

  Schedule finish() { return build_.finish(); }

 private:
  Index buffer(Role role, Usage usage, bool whole = false) {
    const bool by_query =
        role != Role::k && role != Role::v && role != Role::dk && role != Role::dv;
    return build_.buffer(role, usage, Dtype::bf16, by_query ? queries : keys, whole ? all_ : rows_);
  }

  void gather() {
    const Index own_k = buffer(Role::k, Usage::input), own_v = buffer(Role::v, Usage::input);
    k_ = buffer(Role::k, Usage::staging, true);
    v_ = buffer(Role::v, Usage::staging, true);
    gathered_ = build_.all_gather(Stream::keys, {0, 3, 1}, keys,
                                  std::vector<ScheduleBuilder::Pair>{{own_k, k_}, {own_v, v_}});
    q_ = buffer(Role::q, Usage::input);
  }

  /// The rank's four queries see all keys up to their own.
  Range slices(Rank rank) {
    return build_.slices({{{4 * rank, 4 * rank + 4, 1}, {0, 4 * rank + 4, 1}, SliceKind::causal}});
  }

  void attend(Rank rank) {
    const Index o = buffer(Role::o, Usage::staging), lse = buffer(Role::lse, Usage::saved);
    build_.attend({q_, k_, v_, o, lse}, queries, slices(rank));
    build_.after(gathered_);
    build_.copy(o, buffer(Role::o, Usage::output), queries);
  }

  void attend_backward(Rank rank) {
    const Index o = buffer(Role::o, Usage::input), lse = buffer(Role::lse, Usage::input);
    const Index dout = buffer(Role::dout, Usage::input),
                delta = buffer(Role::delta, Usage::staging);
    const Index dk = buffer(Role::dk, Usage::staging, true);
    const Index dv = buffer(Role::dv, Usage::staging, true);
    build_.delta(o, dout, delta, queries);
    const Index attended = build_.attend_backward(
        {q_, k_, v_, dout, lse, delta, buffer(Role::dq, Usage::output), dk, dv}, queries,
        slices(rank), {});
    build_.after(gathered_);
    const Index own_dk = buffer(Role::dk, Usage::output), own_dv = buffer(Role::dv, Usage::output);
    build_.reduce_scatter(Stream::gradients, {0, 3, 1}, keys,
                          std::vector<ScheduleBuilder::Pair>{{dk, own_dk}, {dv, own_dv}});
    build_.after(attended);
  }

  ScheduleBuilder build_;
  std::vector<Range> shards_;
  Range all_, rows_;
  Index k_ = 0, v_ = 0, q_ = 0, gathered_ = 0;
};

std::string flaw_of(const Schedule& schedule) {
  const auto finding = verify(schedule, one_document());
  return finding ? std::string(to_string(finding->flaw)) : "none";
}

/// The operation of a kind on a rank.
Operation& find(Schedule& schedule, Rank rank, Kind kind) {
  for (Operation& op : schedule.operations) {
    if (op.rank == rank && op.kind == kind) return op;
  }
  FAIL("no such operation");
  return schedule.operations[0];
}

TEST_CASE("gathering keys and scattering gradients is right") {
  CHECK(flaw_of(Gathered(Pass::forward).finish()) == "none");
  CHECK(flaw_of(Gathered(Pass::backward).finish()) == "none");
}

TEST_CASE("a collective that not every rank of its group joins is unmatched") {
  Schedule schedule = Gathered(Pass::forward).finish();
  find(schedule, 1, Kind::all_gather).stream = Stream::heads;
  CHECK(flaw_of(schedule) == "unmatched_transfer");
}

TEST_CASE("the buffers of a collective have one dtype") {
  Schedule schedule = Gathered(Pass::backward).finish();
  const auto make_fp32 = [&](Kind kind, std::initializer_list<std::size_t> operands) {
    for (Rank rank = 0; rank < 3; ++rank) {
      const Operation& op = find(schedule, rank, kind);
      for (const std::size_t i : operands) {
        Buffer& buffer = schedule.buffers[schedule.operands[op.operands.first + i]];
        buffer.dtype = Dtype::fp32;
        buffer.usage = Usage::staging;  // outputs have the dtype of the problem
      }
    }
  };
  SECTION("of a source and its destination, gathered") { make_fp32(Kind::all_gather, {1}); }
  SECTION("of a source and its destination, summed") { make_fp32(Kind::reduce_scatter, {2}); }
  SECTION("of two pairs") { make_fp32(Kind::reduce_scatter, {2, 3}); }
  const auto finding = verify(schedule, one_document());
  REQUIRE(finding);
  CHECK(finding->text().starts_with("malformed: of both bf16 and fp32"));
}

TEST_CASE("members of a collective must agree on kind, heads and dtype") {
  Schedule schedule = Gathered(Pass::backward).finish();
  Operation& scatter = find(schedule, 2, Kind::reduce_scatter);
  SECTION("kind") { scatter.kind = Kind::all_gather; }
  SECTION("heads") { scatter.heads = {0, 1}; }
  SECTION("dtype") {
    for (const Index at : schedule.operands_of(scatter)) {
      schedule.buffers[at].dtype = Dtype::fp32;
      schedule.buffers[at].usage = Usage::staging;  // outputs have the dtype of the problem
    }
  }
  CHECK(flaw_of(schedule) == "unmatched_transfer");
}

TEST_CASE("a destination must hold what every rank gathers") {
  Schedule schedule = Gathered(Pass::forward).finish();
  const Operation& gather = find(schedule, 2, Kind::all_gather);
  schedule.intervals.push_back({0, 11, 1});
  schedule.buffers[schedule.operands[gather.operands.first + 1]].intervals = {
      static_cast<Index>(schedule.intervals.size() - 1), 1};
  CHECK(flaw_of(schedule) == "outside_buffer");
}

TEST_CASE("an attend that does not wait for a collective is a race") {
  Schedule schedule = Gathered(Pass::forward).finish();
  find(schedule, 0, Kind::attend).dependencies.count = 0;
  CHECK(flaw_of(schedule) == "race");
}

TEST_CASE("collectives of one group in another order on one rank do not match") {
  Schedule schedule = Gathered(Pass::backward).finish();
  for (Rank rank = 0; rank < 3; ++rank) {
    find(schedule, rank, Kind::reduce_scatter).stream = Stream::keys;
  }
  Operation& scatter = find(schedule, 0, Kind::reduce_scatter);
  scatter.dependencies.count = 0;
  find(schedule, 0, Kind::attend_backward).dependencies.count = 0;
  std::swap(find(schedule, 0, Kind::all_gather), scatter);
  CHECK(flaw_of(schedule) == "unmatched_transfer");
}

TEST_CASE("two collectives of which each rank starts another one first are a deadlock") {
  ScheduleBuilder build(Pass::forward, 4, {.query = 1, .key_value = 1, .dim = 8});
  const Range rows = build.intervals({{0, 4, 1}});
  const Range none = build.intervals({});
  for (Rank rank = 0; rank < 2; ++rank) {
    build.begin_rank(rank == 0 ? rows : none);
    for (const bool first : {true, false}) {
      const Index source = build.buffer(Role::k, Usage::staging, Dtype::bf16, {0, 1}, none);
      const Index target = build.buffer(Role::k, Usage::staging, Dtype::bf16, {0, 1}, none);
      const bool keys_now = first == (rank == 0);
      const Index gather =
          build.all_gather(keys_now ? Stream::keys : Stream::gradients, {0, 2, 1}, {0, 1},
                           std::vector<ScheduleBuilder::Pair>{{source, target}});
      if (!first) build.after(gather - 1);
    }
  }
  Problem problem;
  problem.batch.lengths = {4};
  problem.heads = {1, 1, 8};
  const auto finding = verify(build.finish(), problem);
  REQUIRE(finding);
  CHECK(to_string(finding->flaw) == "deadlock");
  CHECK(finding->message ==
        "#0 of rank 0 waits for #3 of rank 1 to start, which waits for #2 of rank 1 to end, which "
        "waits for #1 of rank 0 to start, which waits for #0 of rank 0 to end");
}

TEST_CASE("gradients of a head that no collective brings home are incomplete") {
  Schedule schedule = Gathered(Pass::backward).finish();
  for (Rank rank = 0; rank < 3; ++rank) find(schedule, rank, Kind::reduce_scatter).heads = {0, 1};
  CHECK(flaw_of(schedule) == "incomplete");
}

}  // namespace
}  // namespace hsap
