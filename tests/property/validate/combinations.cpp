#include <catch2/catch.hpp>
#include <cstdio>
#include <map>

#include "hsap/buffer_plan.hpp"
#include "hsap/execute.hpp"
#include "support/compiled.hpp"
#include "support/errors.hpp"
#include "support/random_problem.hpp"

namespace hsap {
namespace {

using support::Random;

constexpr Heads head_kinds[] = {{.query = 3, .key_value = 3, .dim = 16},   // MHA
                                {.query = 4, .key_value = 2, .dim = 16},   // GQA
                                {.query = 5, .key_value = 1, .dim = 8},    // MQA
                                {.query = 9, .key_value = 3, .dim = 24}};  // uneven over most ranks

/// One token, nearly nothing, middling, and one that dwarfs the rest, in an order of their own.
Batch mixed_batch(Random& random) {
  Batch batch{{1, 2, random.between(15, 40), 1, random.between(80, 200), random.between(3, 30)}};
  for (std::size_t i = batch.lengths.size() - 1; i > 0; --i) {
    std::swap(batch.lengths[i],
              batch.lengths[static_cast<std::size_t>(random.between(0, static_cast<int>(i)))]);
  }
  return batch;
}

/// A strategy of up to 16 ranks with the choices given and the rest drawn.
Strategy draw_strategy(Random& random, const Problem& problem, Exchange exchange, Layout layout,
                       Order order) {
  Strategy strategy = support::random_strategy(random, problem, 8);
  strategy.exchange = exchange;
  strategy.layout = layout;
  strategy.order = order;
  strategy.ulysses = random.between(1, std::min(problem.heads.query, 4));
  strategy.context_parallel = random.between(2, 16 / strategy.ulysses);
  strategy.inner_degree = support::random_divisor(random, strategy.context_parallel);
  if (illegal(problem, strategy)) strategy.stages = 0;
  return strategy;
}

/// Runs both passes; checks that bytes and memory are those of the schedule.
Tensors run(const Problem& problem, const Strategy& strategy, Tensors tensors) {
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    const Schedule schedule = support::compiled(problem, strategy, pass);
    const auto done = execute(schedule, tensors, {Arithmetic::fp32, 20});
    if (!done) FAIL(done.error().text());
    std::int64_t sent = 0;
    for (Rank from = 0; from < schedule.ranks(); ++from) {
      for (Rank to = 0; to < schedule.ranks(); ++to) sent += from == to ? 0 : done->sent(from, to);
    }
    CHECK(sent == support::sent_by_all(schedule));
    CHECK(done->peak_buffer_bytes == plan_buffers(schedule).bytes);
  }
  return tensors;
}

constexpr Role results[] = {Role::o, Role::lse, Role::dq, Role::dk, Role::dv};

double worst_error(const Tensors& found, const Tensors& truth) {
  double worst = 0;
  for (const Role role : results) {
    worst = std::max(worst, support::relative_error(found[role], truth[role]));
  }
  return worst;
}

/// Replaces the queries, keys, values and do of the longest document, and counts the rows of the
/// others that do not stay the same bit for bit.
int count_leaks(const Problem& problem, const Strategy& strategy, const Tensors& inputs,
                const Tensors& base) {
  const auto& lengths = problem.batch.lengths;
  const auto longest =
      static_cast<std::size_t>(std::max_element(lengths.begin(), lengths.end()) - lengths.begin());
  const Token begin = problem.batch.cu_seqlens()[longest];
  const Token end = problem.batch.cu_seqlens()[longest + 1];
  Tensors changed = inputs;
  for (const Role role : {Role::q, Role::k, Role::v, Role::dout}) {
    for (Token token = begin; token < end; ++token) {
      for (int head = 0; head < changed[role].heads; ++head) {
        for (double& value : changed[role].row(token, head)) value = -value / 2;
      }
    }
  }
  const Tensors probed = run(problem, strategy, changed);
  bool noticed = false;
  int leaks = 0;
  for (const Role role : results) {
    for (Token token = 0; token < base[role].tokens; ++token) {
      for (int head = 0; head < base[role].heads; ++head) {
        const bool equal =
            std::ranges::equal(base[role].row(token, head), probed[role].row(token, head));
        if (token >= begin && token < end) {
          noticed = noticed || !equal;
        } else {
          leaks += equal ? 0 : 1;
        }
      }
    }
  }
  CHECK(noticed);
  return leaks;
}

/// What ran, by exchange.
struct Tally {
  int plans = 0;
  double worst_fp32 = 0;
  double worst_bf16 = 0;
  int leaks = 0;  ///< rows of documents that noticed a change of another
};

void print(const std::map<Exchange, Tally>& tallies) {
  std::printf("exchange      plans  worst error in fp32  with bf16 transport  leaks\n");
  for (const auto& [exchange, tally] : tallies) {
    std::printf("%-12s  %5d  %19.1e  %19.1e  %5d\n", std::string(to_string(exchange)).c_str(),
                tally.plans, tally.worst_fp32, tally.worst_bf16, tally.leaks);
  }
}

TEST_CASE("every exchange, layout, order, mask and kind of heads, both passes") {
  Random random(2024);
  std::map<Exchange, Tally> tallies;
  for (int choice = 0; choice < 5 * 5 * 2 * 5 * 4; ++choice) {
    const auto exchange = static_cast<Exchange>(choice % 5);
    const auto layout = static_cast<Layout>(choice / 5 % 5);
    const auto order = static_cast<Order>(choice / 25 % 2);
    Problem problem;
    problem.batch = mixed_batch(random);
    do problem.mask = support::random_mask(random);
    while (static_cast<int>(problem.mask.kind) != choice / 50 % 5);
    problem.heads = head_kinds[choice / 250];
    Strategy strategy = draw_strategy(random, problem, exchange, layout, order);
    INFO(support::describe(problem, strategy));
    const Tensors inputs = random_inputs(problem, static_cast<std::uint64_t>(choice));
    Tensors truth = inputs;
    reference_attention(problem, truth);
    Tally& tally = tallies[exchange];
    ++tally.plans;

    const Tensors rounded = run(problem, strategy, inputs);
    const double bf16 = worst_error(rounded, truth);
    // Partial gradients that add up in bf16 round once more with every hop.
    CHECK(bf16 < (strategy.gradient_dtype == Dtype::bf16 ? 3e-2 : 1e-2));
    if (strategy.gradient_dtype == Dtype::fp32) tally.worst_bf16 = std::max(tally.worst_bf16, bf16);
    const int leaks = count_leaks(problem, strategy, inputs, rounded);
    CHECK(leaks == 0);
    tally.leaks += leaks;

    problem.dtype = Dtype::fp32;
    strategy.gradient_dtype = Dtype::fp32;
    const double fp32 = worst_error(run(problem, strategy, inputs), truth);
    CHECK(fp32 < 2e-6);
    tally.worst_fp32 = std::max(tally.worst_fp32, fp32);
  }
  print(tallies);
}

}  // namespace
}  // namespace hsap
