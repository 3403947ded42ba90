#include <catch2/catch.hpp>

#include "hsap/verify.hpp"
#include "schedule/builder.hpp"
#include "support/ring.hpp"

namespace hsap {
namespace {

constexpr Token few = 8;
constexpr HeadRange heads{0, 1};

Problem few_tokens() {
  Problem problem;
  problem.batch.lengths = {few};
  problem.heads = {1, 1, 8};
  return problem;
}

std::string flaw_text(const std::optional<Finding>& finding) {
  return finding ? finding->text() : "";
}

/// Backward over two contiguous shards in which rank 1 takes all keys and values as given and
/// sends the gradients of the first half home.
Schedule without_key_exchange() {
  ScheduleBuilder build(Pass::backward, few, few_tokens().heads);
  const Range all = build.intervals({{0, few, 1}});
  const Range halves[] = {build.intervals({{0, 4, 1}}), build.intervals({{4, 8, 1}})};
  for (Rank rank = 0; rank < 2; ++rank) {
    const Range& rows = halves[rank];
    const Range& keys = rank == 0 ? rows : all;
    build.begin_rank(rows);
    const auto buffer = [&](Role role, Usage usage, const Range& held) {
      const bool statistic = role == Role::lse || role == Role::delta;
      return build.buffer(role, usage, statistic ? Dtype::fp32 : Dtype::bf16, heads, held);
    };
    const Index o = buffer(Role::o, Usage::input, rows),
                lse = buffer(Role::lse, Usage::input, rows);
    const Index dout = buffer(Role::dout, Usage::input, rows);
    const Index delta = buffer(Role::delta, Usage::staging, rows);
    const Index dk = buffer(Role::dk, Usage::staging, keys);
    const Index dv = buffer(Role::dv, Usage::staging, keys);
    build.delta(o, dout, delta, heads);
    const Index attend = build.attend_backward(
        {buffer(Role::q, Usage::input, rows), buffer(Role::k, Usage::input, keys),
         buffer(Role::v, Usage::input, keys), dout, lse, delta,
         buffer(Role::dq, Usage::output, rows), dk, dv},
        heads,
        build.slices({{rank == 0 ? Interval{0, 4, 1} : Interval{4, 8, 1},
                       rank == 0 ? Interval{0, 4, 1} : Interval{0, 8, 1}, SliceKind::causal}}),
        {});
    const Index own_dk = buffer(Role::dk, Usage::output, rows);
    const Index own_dv = buffer(Role::dv, Usage::output, rows);
    const Index first = build.copy(dk, own_dk, heads, rows);
    build.after(attend);
    const Index second = build.copy(dv, own_dv, heads, rows);
    build.exchange(Stream::gradients);
    for (const Index gradient : {dk, dv}) {
      if (rank == 1) build.send(0, gradient, halves[0], heads);
    }
    for (const Index gradient : {own_dk, own_dv}) {
      if (rank == 0) build.receive(1, gradient, halves[0], heads, true);
    }
    build.after(first);
    build.after(second);
  }
  return build.finish();
}

TEST_CASE("keys that a rank never received are not there for its backward pass") {
  const Problem problem = few_tokens();
  const Schedule backward = without_key_exchange();
  Schedule forward = test::ring(problem, test::contiguous(few, 2), Pass::forward);
  // By itself backward computes what it should: only forward knows that the keys are elsewhere.
  REQUIRE(flaw_text(verify(backward, problem)) == "");
  REQUIRE(flaw_text(verify(forward, problem)) == "");
  CHECK(
      flaw_text(check_saved(forward, backward)) ==
      "not_saved: input k of rank 1 (buffer 19) holds tokens 0..3, head 0, in bf16, which forward "
      "does not leave there");
  // A forward pass that keeps the keys which arrived leaves them.
  for (Buffer& buffer : forward.buffers) {
    const bool arrives = buffer.role == Role::k || buffer.role == Role::v;
    if (arrives && buffer.usage == Usage::staging) buffer.usage = Usage::saved;
  }
  CHECK(flaw_text(verify(forward, problem)) == "");
  CHECK(flaw_text(check_saved(forward, backward)) == "");
}

/// Both passes of a ring over two heads and packed documents.
struct Passes {
  explicit Passes(const std::vector<Intervals>& shards)
      : forward(test::ring(problem, shards, Pass::forward)),
        backward(test::ring(problem, shards, Pass::backward)) {}

  /// The first buffer of backward on a rank with a role.
  Buffer& input(Rank rank, Role role) {
    for (Buffer& buffer : backward.buffers) {
      if (buffer.rank == rank && buffer.role == role && buffer.usage == Usage::input) return buffer;
    }
    FAIL("no such buffer");
    return backward.buffers[0];
  }
  [[nodiscard]] std::string flaw() const { return flaw_text(check_saved(forward, backward)); }

  Problem problem = [] {
    Problem made;
    made.batch.lengths = {5, 11, 1, 7};
    made.heads = {4, 2, 8};
    return made;
  }();
  Schedule forward, backward;
};

TEST_CASE("the backward pass of a ring finds what forward left, over every layout") {
  const int ranks = GENERATE(1, 2, 3, 5, 8);
  CHECK(Passes(test::contiguous(24, ranks)).flaw() == "");
  CHECK(Passes(test::striped(24, ranks)).flaw() == "");
}

TEST_CASE("inputs of backward are held against forward by role, dtype, head and token") {
  Passes passes(test::striped(24, 3));
  SECTION("tokens of another rank") {
    passes.input(2, Role::q).intervals = passes.input(1, Role::q).intervals;
    CHECK(passes.flaw().starts_with("not_saved: input q of rank 2 "));
  }
  SECTION("one token more") {
    Buffer& keys = passes.input(1, Role::k);
    const auto own = passes.backward.intervals_of(keys);
    Intervals list(own.begin(), own.end());
    list.push_back({0, 1, 1});
    keys.intervals = {static_cast<Index>(passes.backward.intervals.size()),
                      static_cast<Index>(list.size())};
    passes.backward.intervals.insert(passes.backward.intervals.end(), list.begin(), list.end());
    CHECK(passes.flaw().find("holds token 0, heads 0:2, in bf16") != std::string::npos);
  }
  SECTION("another dtype") {
    passes.input(0, Role::lse).dtype = Dtype::bf16;
    CHECK(passes.flaw().starts_with("not_saved: input lse of rank 0 "));
  }
  SECTION("heads that forward lets go") {
    for (Buffer& buffer : passes.forward.buffers) {
      if (buffer.role == Role::lse && buffer.usage == Usage::saved) buffer.heads = {0, 3};
    }
    CHECK(passes.flaw().find("tokens 0..21, head 3, in fp32") != std::string::npos);
  }
  SECTION("nothing of a role") {
    for (Buffer& buffer : passes.forward.buffers) {
      if (buffer.role == Role::lse) buffer.usage = Usage::staging;
    }
    CHECK(passes.flaw().starts_with("not_saved: input lse of rank 0 "));
  }
}

TEST_CASE("passes that do not belong together are told apart") {
  Passes passes(test::striped(24, 3));
  SECTION("homes") {
    std::swap(passes.backward.home[0], passes.backward.home[1]);
    CHECK(passes.flaw() == "not_saved: rank 0 owns other tokens in the two passes");
  }
  SECTION("ranks") {
    passes.forward = Passes(test::striped(24, 2)).forward;
    CHECK(passes.flaw() == "not_saved: the passes have other numbers of tokens, heads or ranks");
  }
  SECTION("strides") {
    passes.forward = Passes(test::contiguous(24, 3)).forward;
    CHECK(passes.flaw() == "not_saved: forward and backward have strides of 1 and 3 tokens");
  }
  SECTION("twice the same pass") {
    passes.forward = passes.backward;
    CHECK(passes.flaw() == "not_saved: expected a forward and a backward schedule");
  }
}

}  // namespace
}  // namespace hsap
