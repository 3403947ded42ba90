#include "validate/probe/probe.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "validate/compare/compare.hpp"
#include "validate/probe/check.hpp"
#include "validate/probe/gradients.hpp"

namespace hsap {
namespace {

using Catch::Contains;

const std::vector<Role> all(std::begin(results), std::end(results));

Problem small_problem() {
  return {.batch = {{20, 1, 33, 10}}, .mask = {}, .heads = {.query = 4, .key_value = 2, .dim = 8}};
}

using Attention = void (*)(const Problem&, Tensors&);

Answers ask(const Probe& probe, Attention attention) {
  const auto run = [&](const Problem& problem, Tensors tensors) {
    attention(problem, tensors);
    return tensors;
  };
  Answers answers;
  answers.base = run(probe.problem, base_inputs(probe));
  for (const int document : probe.replaced) {
    answers.replaced.push_back(run(probe.problem, replaced_inputs(probe, document)));
  }
  answers.permuted = run(permuted_problem(probe), permuted(probe, base_inputs(probe)));
  return answers;
}

ProbeReport report_of(Attention attention, double tolerance = 1e-12) {
  const Probe probe = make_probe(small_problem(), 1, 4);
  return judge(probe, all, ask(probe, attention), tolerance, false);
}

/// Joins the third document to the second: what a lost boundary in cu_seqlens does.
void leaky(const Problem& problem, Tensors& tensors) {
  Problem joined = problem;
  joined.batch.lengths[1] += joined.batch.lengths[2];
  joined.batch.lengths.erase(joined.batch.lengths.begin() + 2);
  reference_attention(joined, tensors);
}

/// Adds to the first output a trace of the last document, far below any tolerance.
void barely_leaky(const Problem& problem, Tensors& tensors) {
  reference_attention(problem, tensors);
  tensors[Role::o].values.front() += 1e-15 * tensors[Role::v].values.back();
}

void constant(const Problem& problem, Tensors& tensors) {
  reference_attention(problem, tensors);
  for (double& value : tensors[Role::o].values) value = 1;
}

TEST_CASE("right attention passes: the reference itself") {
  const ProbeReport report = report_of(reference_attention);
  CHECK(report.failures().empty());
  CHECK(report.errors.size() == 5);
  CHECK(report.replaced == std::vector<int>{0, 1, 2, 3});
}

TEST_CASE("a leak is found, in outputs forwards and in gradients backwards") {
  const ProbeReport report = report_of(leaky);
  REQUIRE_FALSE(report.leaks.empty());
  const auto has = [&](int from, int to, Role role) {
    return std::any_of(report.leaks.begin(), report.leaks.end(), [&](const Leak& leak) {
      return leak.from == from && leak.to == to && leak.role == role;
    });
  };
  // Document 2 reads the keys of document 1, whose gradients therefore depend on document 2.
  CHECK(has(1, 2, Role::o));
  CHECK(has(1, 2, Role::dq));
  CHECK(has(2, 1, Role::dk));
  CHECK_FALSE(has(2, 1, Role::o));
  for (const Leak& leak : report.leaks) {
    CHECK((leak.from == 1 || leak.from == 2));
    CHECK(leak.worst.document == leak.to);
    CHECK(document_of(small_problem(), leak.worst.token) == leak.to);
  }
}

TEST_CASE("a leak far below the tolerance is found too") {
  const ProbeReport report = report_of(barely_leaky, 1e-2);
  REQUIRE(report.leaks.size() == 1);
  CHECK(report.leaks[0].from == 3);
  CHECK(report.leaks[0].to == 0);
  CHECK(report.leaks[0].worst.token == 0);
  CHECK(report.leaks[0].change < 1e-14);
}

TEST_CASE("dQ that is rounded anew every time is no leak, one that holds another document is") {
  const Problem problem = small_problem();
  const auto leaks = [&](Attention attention, double noise, QueryGradients dq) {
    const Probe probe = make_probe(problem, 1, 4);
    Tensors base = base_inputs(probe);
    Tensors other = replaced_inputs(probe, 1);
    attention(problem, base);
    attention(problem, other);
    for (double& value : other[Role::dq].values) value *= 1 + noise;
    const std::vector<Leak> all_leaks = find_leaks(problem, 1, base, other, dq);
    return std::any_of(all_leaks.begin(), all_leaks.end(),
                       [](const Leak& leak) { return leak.role == Role::dq; });
  };
  CHECK(leaks(reference_attention, 0.006, QueryGradients::exact));
  CHECK_FALSE(leaks(reference_attention, 0.006, QueryGradients::rounded));
  CHECK(leaks(reference_attention, 0.01, QueryGradients::rounded));
  CHECK(leaks(leaky, 0, QueryGradients::rounded));
}

TEST_CASE("outputs that never change cannot pass") {
  const ProbeReport report = report_of(constant, 1e9);
  CHECK(report.leaks.empty());
  CHECK(report.unchanged == std::vector<int>{0, 1, 2, 3});
  CHECK_FALSE(report.failures().empty());
}

TEST_CASE("the probe takes the first, last, shortest and longest document, and permutes them all") {
  Problem problem = small_problem();
  problem.batch = {{9, 8, 1, 7, 50, 6, 5, 4, 3}};
  CHECK(make_probe(problem, 1, 4).replaced == std::vector<int>{0, 2, 4, 8});
  CHECK(make_probe(problem, 1, 2).replaced == std::vector<int>{2, 4});
  CHECK(make_probe(problem, 1, 100).replaced.size() == 9);
  std::vector<int> order = make_probe(problem, 1, 4).order;
  CHECK(order != std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8});
  std::sort(order.begin(), order.end());
  CHECK(order == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8});
}

TEST_CASE("only the replaced document gets other inputs") {
  const Probe probe = make_probe(small_problem(), 1, 4);
  const Tensors base = base_inputs(probe);
  const Tensors other = replaced_inputs(probe, 2);
  for (const Role role : {Role::q, Role::k, Role::v, Role::dout}) {
    for (Token token = 0; token < base[role].tokens; ++token) {
      const auto a = base[role].row(token, 0);
      const auto b = other[role].row(token, 0);
      CHECK(std::equal(a.begin(), a.end(), b.begin()) == (document_of(probe.problem, token) != 2));
    }
  }
}

TEST_CASE("errors are relative to the largest number, and NaN is infinitely wrong") {
  const Problem problem = small_problem();
  Tensor truth(64, 4, 8, 0.5);
  truth.row(3, 1)[2] = -4;
  Tensor found = truth;
  found.row(20, 2)[7] += 0.25;
  const TensorError error = compare(problem, Role::o, truth, found);
  CHECK(error.relative == 0.25 / 4);
  CHECK(error.worst.token == 20);
  CHECK(error.worst.head == 2);
  CHECK(error.worst.document == 1);
  found.row(63, 0)[0] = std::nan("");
  CHECK(std::isinf(compare(problem, Role::o, truth, found).relative));
  CHECK(compare(problem, Role::o, truth, found).worst.token == 63);
}

TEST_CASE("gradients of the reference are those of central differences, wrong ones are not") {
  for (const char* mask : {"causal", "full", "sliding:5", "prefix:7", "shared_question:4:3"}) {
    Problem problem = small_problem();
    problem.mask = *parse_mask(mask);
    Tensors tensors = random_inputs(problem, 3);
    reference_attention(problem, tensors);
    for (const GradientError& error : check_gradients(problem, tensors, 5, 40)) {
      CHECK(error.relative < 1e-8);
    }
    for (double& value : tensors[Role::dk].values) value *= 1.001;
    const std::vector<GradientError> errors = check_gradients(problem, tensors, 5, 40);
    CHECK(errors[0].relative < 1e-8);
    CHECK(errors[1].relative > 1e-5);
    CHECK(errors[2].relative < 1e-8);
  }
}

TEST_CASE("tables and JSON tell leaks") {
  const ProbeReport report = report_of(leaky);
  CHECK_THAT(probe_table(report, false), Contains("LEAKS") && Contains("document 1 changes"));
  const json::Ordered root = probe_report_json(report);
  CHECK(root["schema"] == "hsap.probe_report/1");
  CHECK(root["leaks"].size() == report.leaks.size());
  CHECK(root["failures"].size() == report.failures().size());
}

}  // namespace
}  // namespace hsap
