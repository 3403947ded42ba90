#include "hsap/verify.hpp"

#include <catch2/catch.hpp>

#include "support/ring.hpp"

namespace hsap {
namespace {

std::string flaw_text(const Schedule& schedule, const Problem& problem) {
  const auto finding = verify(schedule, problem);
  return finding ? finding->text() : "";
}

TEST_CASE("a ring is right in both passes, over every layout and number of ranks") {
  const Problem problem = test::packed();
  const Pass pass = GENERATE(Pass::forward, Pass::backward);
  const int ranks = GENERATE(1, 2, 3, 5, 8);
  CHECK(flaw_text(test::ring(problem, test::contiguous(24, ranks), pass), problem) == "");
  CHECK(flaw_text(test::ring(problem, test::striped(24, ranks), pass), problem) == "");
}

/// A schedule of one pass over three contiguous shards, to be broken by one change each.
struct Broken {
  explicit Broken(Pass pass) : schedule(test::ring(problem, test::contiguous(24, 3), pass)) {}

  /// The n-th operation of a kind on a rank.
  Operation& nth(Rank rank, Kind kind, int n) {
    const Range& program = schedule.programs[static_cast<std::size_t>(rank)];
    for (Index at = program.first; at < program.first + program.count; ++at) {
      if (schedule.operations[at].kind == kind && n-- == 0) return schedule.operations[at];
    }
    FAIL("no such operation");
    return schedule.operations[0];
  }
  Buffer& operand(const Operation& op, std::size_t i) {
    return schedule.buffers[schedule.operands[op.operands.first + i]];
  }
  Transfer& transfer(const Operation& op, std::size_t i) {
    return schedule.transfers[op.payload.first + i];
  }
  /// New intervals for a buffer or transfer, so that others that share the old ones keep them.
  Range list(std::initializer_list<Interval> intervals) {
    const auto first = static_cast<Index>(schedule.intervals.size());
    schedule.intervals.insert(schedule.intervals.end(), intervals);
    return {first, static_cast<Index>(intervals.size())};
  }
  [[nodiscard]] std::string flaw() const {
    const auto finding = verify(schedule, problem);
    return finding ? std::string(to_string(finding->flaw)) : "none";
  }
  [[nodiscard]] Index index(const Operation& op) const {
    return static_cast<Index>(&op - schedule.operations.data());
  }

  Problem problem = test::packed();
  Schedule schedule;
};

TEST_CASE("a dependency on a later operation is malformed") {
  Broken broken(Pass::forward);
  Operation& attend = broken.nth(0, Kind::attend, 1);
  broken.schedule.dependencies[attend.dependencies.first] = broken.index(attend);
  CHECK(broken.flaw() == "malformed");
}

TEST_CASE("an operand of another role is malformed") {
  Broken broken(Pass::backward);
  Operation& attend = broken.nth(1, Kind::attend_backward, 0);
  std::swap(broken.schedule.operands[attend.operands.first + 1],
            broken.schedule.operands[attend.operands.first + 2]);
  CHECK(broken.flaw() == "malformed");
}

TEST_CASE("a schedule for another batch is malformed") {
  Broken broken(Pass::forward);
  broken.problem.batch.lengths.push_back(1);
  CHECK(broken.flaw() == "malformed");
}

TEST_CASE("slices that more attends name than there are heads are malformed") {
  Broken broken(Pass::forward);
  const auto all = static_cast<Index>(broken.schedule.slices.size());
  for (Operation& op : broken.schedule.operations) {
    if (op.kind == Kind::attend) op.payload = {0, all};
  }
  const auto finding = verify(broken.schedule, broken.problem);
  REQUIRE(finding);
  CHECK(finding->flaw == Flaw::malformed);
  CHECK(finding->message == "attends slices that others had");
}

TEST_CASE("inputs and results in another dtype than the problem's are malformed") {
  Broken broken(Pass::backward);
  SECTION("of the problem") { broken.problem.dtype = Dtype::fp32; }
  SECTION("of an input") {
    broken.operand(broken.nth(1, Kind::attend_backward, 0), 0).dtype = Dtype::fp32;
  }
  SECTION("of an output") {
    broken.operand(broken.nth(1, Kind::attend_backward, 0), 6).dtype = Dtype::fp32;
  }
  CHECK(broken.flaw() == "malformed");
}

TEST_CASE("a result that is claimed to be an input is malformed") {
  Broken broken(Pass::backward);
  broken.operand(broken.nth(0, Kind::delta, 0), 2).usage = Usage::input;
  CHECK(broken.flaw() == "malformed");
}

TEST_CASE("a receive into a buffer without the rows is found") {
  Broken broken(Pass::forward);
  Operation& exchange = broken.nth(1, Kind::exchange, 0);
  // Rank 1 receives shard 0, tokens [0, 8).
  broken.schedule.buffers[broken.transfer(exchange, 2).buffer].intervals = broken.list({{0, 7, 1}});
  CHECK(broken.flaw() == "outside_buffer");
}

TEST_CASE("a message to the wrong rank is unmatched") {
  Broken broken(Pass::forward);
  broken.transfer(broken.nth(0, Kind::exchange, 0), 0).peer = 2;
  CHECK(broken.flaw() == "unmatched_transfer");
}

TEST_CASE("other heads, dtype or rows at the two ends are unmatched") {
  Broken broken(Pass::forward);
  Operation& exchange = broken.nth(2, Kind::exchange, 1);
  SECTION("heads") { broken.transfer(exchange, 0).heads = {0, 1}; }
  SECTION("rows") { broken.transfer(exchange, 0).intervals = broken.list({{8, 15, 1}}); }
  SECTION("dtype") {
    broken.schedule.buffers[broken.transfer(exchange, 0).buffer].dtype = Dtype::fp32;
  }
  CHECK(broken.flaw() == "unmatched_transfer");
}

TEST_CASE("rows may be cut differently at the two ends") {
  Broken broken(Pass::forward);
  broken.transfer(broken.nth(0, Kind::exchange, 0), 0).intervals =
      broken.list({{0, 3, 1}, {3, 8, 1}});
  CHECK(broken.flaw() == "none");
}

TEST_CASE("a rank that sends only after it has received is a deadlock") {
  Broken broken(Pass::forward);
  // Every rank waits for its own arrival before it sends: the ring never starts.
  for (Rank rank = 0; rank < 3; ++rank) {
    Operation& exchange = broken.nth(rank, Kind::exchange, 0);
    Operation second = exchange;
    const auto all = exchange.payload;
    exchange.payload = {all.first + 2, 2};
    second.payload = {all.first, 2};
    // The receives take the place of both; the sends that of the second exchange.
    Operation& other = broken.nth(rank, Kind::exchange, 1);
    other.payload = second.payload;
    const Range dependents = broken.nth(rank, Kind::attend, 2).dependencies;
    broken.schedule.dependencies[dependents.first] = broken.index(exchange);
  }
  const auto finding = verify(broken.schedule, broken.problem);
  REQUIRE(finding);
  CHECK(to_string(finding->flaw) == "deadlock");
  CHECK(finding->operation == Index{0});
  CHECK(finding->message ==
        "#0 of rank 0 waits for #16 of rank 2 to start behind #14, which waits for #9 of rank 1 "
        "to start behind #7, which waits for #2 of rank 0 to start behind #0");
}

TEST_CASE("an attend that does not wait for its keys is a race") {
  Broken broken(Pass::forward);
  broken.nth(1, Kind::attend, 1).dependencies.count = 0;
  const auto finding = verify(broken.schedule, broken.problem);
  REQUIRE(finding);
  CHECK(to_string(finding->flaw) == "race");
  CHECK(finding->operation == broken.index(broken.nth(1, Kind::attend, 1)));
}

TEST_CASE("receives of one exchange may add to a row one after another, but not overwrite it") {
  Broken broken(Pass::backward);
  // Both messages from the left go to the first of the two rows that they went to.
  Operation& exchange = broken.nth(1, Kind::exchange, 2);
  Operation& sending = broken.nth(0, Kind::exchange, 2);
  const auto use_dk_alone = [&](const Operation& op, std::size_t first) {
    broken.transfer(op, first + 1).buffer = broken.transfer(op, first).buffer;
  };
  use_dk_alone(sending, 0);
  use_dk_alone(exchange, 2);
  SECTION("adding") { CHECK(broken.flaw() == "incomplete"); }
  SECTION("overwriting") {
    broken.transfer(exchange, 3).add = false;
    CHECK(broken.flaw() == "race");
  }
}

TEST_CASE("a delta that is never computed is read before it is written") {
  Broken broken(Pass::backward);
  Operation& delta = broken.nth(0, Kind::delta, 0);
  delta.kind = Kind::compute;
  delta.operands.count = 0;
  delta.payload = {0, 1};
  broken.schedule.work.push_back({});
  CHECK(broken.flaw() == "read_before_write");
}

TEST_CASE("adding to rows that hold nothing is a read before a write") {
  Broken broken(Pass::backward);
  broken.transfer(broken.nth(1, Kind::exchange, 4), 2).add = true;
  CHECK(broken.flaw() == "read_before_write");
}

TEST_CASE("keys added to keys are wrong content") {
  Broken broken(Pass::forward);
  // The keys that arrive are those that the buffer holds already.
  Operation& exchange = broken.nth(1, Kind::exchange, 0);
  Transfer& receive = broken.transfer(exchange, 2);
  broken.schedule.buffers[receive.buffer].usage = Usage::input;
  receive.add = true;
  CHECK(broken.flaw() == "wrong_content");
}

TEST_CASE("an o merged with the lse of another attend is wrong content") {
  Broken broken(Pass::forward);
  const Operation& first = broken.nth(1, Kind::merge, 0);
  const Operation& second = broken.nth(1, Kind::merge, 1);
  broken.schedule.operands[second.operands.first + 1] =
      broken.schedule.operands[first.operands.first + 1];
  CHECK(broken.flaw() == "wrong_content");
}

TEST_CASE("a pair never met, met twice or forbidden is named") {
  Broken broken(Pass::forward);
  // Rank 2 holds tokens [16, 24): document 2 is token 16, document 3 the rest.
  Operation& attend = broken.nth(2, Kind::attend, 0);
  const Index at = broken.index(attend);
  const auto first = static_cast<Index>(broken.schedule.slices.size());
  const Slice single{{16, 17, 1}, {16, 17, 1}, SliceKind::full};
  std::vector<Slice> slices{single, {{17, 24, 1}, {17, 24, 1}, SliceKind::causal}};
  std::string expected = "none";
  std::optional<Index> operation;
  SECTION("right") {}
  SECTION("never met") {
    slices[1].query = {17, 23, 1};
    slices[1].key = {17, 23, 1};
    expected = "head 0: query 23 of document 3 and key 17 of document 3 never meet";
  }
  SECTION("met twice") {
    slices.push_back({{20, 21, 1}, {18, 21, 1}, SliceKind::full});
    expected = "head 0: query 20 of document 3 and key 18 of document 3 meet twice, in #" +
               std::to_string(at) + " and #" + std::to_string(at);
    operation = at;
  }
  SECTION("forbidden: a later key") {
    slices[1].kind = SliceKind::full;
    expected =
        "head 0: query 17 of document 3 and key 18 of document 3 meet and the mask forbids it";
    operation = at;
  }
  SECTION("forbidden: another document") {
    slices[0].query = {16, 18, 1};
    expected =
        "head 0: query 17 of document 3 and key 16 of document 2 meet and the mask forbids it";
    operation = at;
  }
  attend.payload = {first, static_cast<Index>(slices.size())};
  broken.schedule.slices.insert(broken.schedule.slices.end(), slices.begin(), slices.end());
  const auto finding = verify(broken.schedule, broken.problem);
  CHECK((finding ? finding->message : "none") == expected);
  CHECK((finding ? finding->operation : std::nullopt) == operation);
  if (finding) CHECK(finding->flaw == Flaw::wrong_pairs);
}

TEST_CASE("an output of tokens that another rank owns is misplaced") {
  Broken broken(Pass::forward);
  std::swap(broken.schedule.home[0], broken.schedule.home[1]);
  CHECK(broken.flaw() == "misplaced_output");
}

TEST_CASE("an output that is not declared is misplaced") {
  Broken broken(Pass::backward);
  for (Buffer& buffer : broken.schedule.buffers) {
    if (buffer.role == Role::dv && buffer.usage == Usage::output) {
      buffer.usage = Usage::staging;
      break;
    }
  }
  CHECK(broken.flaw() == "misplaced_output");
}

/// Appends operations to the schedule of one rank.
class Appended {
 public:
  explicit Appended(Schedule& schedule) : schedule_(schedule) {}

  /// A staging buffer like another one.
  Index like(Index buffer) {
    schedule_.buffers.push_back(schedule_.buffers[buffer]);
    schedule_.buffers.back().usage = Usage::staging;
    return static_cast<Index>(schedule_.buffers.size() - 1);
  }
  void add(Kind kind, std::initializer_list<Index> operands) {
    Operation op;
    op.kind = kind;
    op.heads = schedule_.buffers[*operands.begin()].heads;
    op.operands = {static_cast<Index>(schedule_.operands.size()),
                   static_cast<Index>(operands.size())};
    schedule_.operands.insert(schedule_.operands.end(), operands);
    schedule_.operations.push_back(op);
    ++schedule_.programs[0].count;
  }
  /// The output or saved buffer of a role.
  [[nodiscard]] Index result(Role role) const {
    for (Index at = 0; at < schedule_.buffers.size(); ++at) {
      const Buffer& buffer = schedule_.buffers[at];
      const bool kept = buffer.usage == Usage::output || buffer.usage == Usage::saved;
      if (buffer.role == role && kept) return at;
    }
    FAIL("no such buffer");
    return 0;
  }

 private:
  Schedule& schedule_;
};

TEST_CASE("a contribution is not lost to being there 2^64 times") {
  const Problem problem = test::packed();
  const int doublings = GENERATE(1, 61, 63, 64, 65, 128);
  SECTION("gradients") {
    Schedule schedule = test::ring(problem, test::contiguous(24, 1), Pass::backward);
    Appended more(schedule);
    const Index dq = more.result(Role::dq), a = more.like(dq), b = more.like(dq);
    more.add(Kind::copy, {dq, a});
    for (int i = 0; i < doublings; ++i) {
      more.add(Kind::copy, {a, b});
      more.add(Kind::reduce, {b, a});
    }
    CHECK(flaw_text(schedule, problem) == "");  // what becomes of a and b is nobody's concern
    more.add(Kind::reduce, {a, dq});
    CHECK(flaw_text(schedule, problem).starts_with("incomplete: "));
  }
  SECTION("outputs") {
    Schedule schedule = test::ring(problem, test::contiguous(24, 1), Pass::forward);
    Appended more(schedule);
    const Index o = more.result(Role::o), lse = more.result(Role::lse);
    const Index a = more.like(o), a_lse = more.like(lse), b = more.like(o), b_lse = more.like(lse);
    more.add(Kind::copy, {o, a});
    more.add(Kind::copy, {lse, a_lse});
    for (int i = 0; i < doublings; ++i) {
      more.add(Kind::copy, {a, b});
      more.add(Kind::copy, {a_lse, b_lse});
      more.add(Kind::merge, {b, b_lse, a, a_lse});
    }
    CHECK(flaw_text(schedule, problem) == "");
    more.add(Kind::merge, {a, a_lse, o, lse});
    CHECK(flaw_text(schedule, problem).starts_with("incomplete: "));
  }
}

TEST_CASE("a result that lacks a part is incomplete") {
  SECTION("a merge too few") {
    Broken broken(Pass::forward);
    Operation& merge = broken.nth(1, Kind::merge, 0);
    merge.heads = {0, 2};
    const auto finding = verify(broken.schedule, broken.problem);
    REQUIRE(finding);
    CHECK(to_string(finding->flaw) == "incomplete");
    CHECK(finding->message ==
          "tokens 8..15, heads 2:4, of o of rank 1 (buffer 14) lacks a contribution or has one "
          "twice");
  }
  SECTION("a gradient that overwrites what it should be added to") {
    Broken broken(Pass::backward);
    broken.transfer(broken.nth(1, Kind::exchange, 2), 2).add = false;
    CHECK(broken.flaw() == "incomplete");
  }
  SECTION("a query gradient that starts over") {
    Broken broken(Pass::backward);
    broken.nth(2, Kind::attend_backward, 2).accumulate_query = false;
    CHECK(broken.flaw() == "incomplete");
  }
}

}  // namespace
}  // namespace hsap
