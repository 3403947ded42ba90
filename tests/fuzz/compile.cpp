#include "hsap/compile.hpp"

#include "fuzz/target.hpp"
#include "hsap/verify.hpp"

using namespace hsap;

namespace {

/// Bytes as choices: each call takes one, or 0 when none is left.
class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  int below(int n) {
    if (left_ == 0) return 0;
    --left_;
    return *data_++ % n;
  }
  template <typename Enum>
  Enum one_of(int values) {
    return static_cast<Enum>(below(values));
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

Problem choose_problem(Choices& choices) {
  Problem problem;
  problem.mask.kind = choices.one_of<Mask::Kind>(5);
  problem.mask.window = choices.below(64);
  problem.mask.prefix = choices.below(64);
  problem.mask.answers = choices.below(8);
  problem.heads.key_value = 1 + choices.below(4);
  problem.heads.query = problem.heads.key_value * (1 + choices.below(4));
  problem.heads.dim = 1 + choices.below(16);
  problem.dtype = choices.one_of<Dtype>(2);
  const int documents = 1 + choices.below(12);
  for (int d = 0; d < documents; ++d) {
    problem.batch.lengths.push_back(1 + choices.below(256));
  }
  return problem;
}

Strategy choose_strategy(Choices& choices) {
  Strategy strategy;
  strategy.ulysses = choices.below(6);
  strategy.context_parallel = choices.below(17);
  strategy.order = choices.one_of<Order>(2);
  strategy.layout = choices.one_of<Layout>(5);
  strategy.exchange = choices.one_of<Exchange>(5);
  strategy.stages = choices.below(6);
  strategy.gradient_dtype = choices.one_of<Dtype>(2);
  strategy.inner_degree = choices.below(9);
  strategy.moves = choices.one_of<Moves>(3);
  strategy.transfer_order = choices.one_of<TransferOrder>(3);
  strategy.kv_groups = choices.one_of<KvGroups>(2);
  strategy.gradient_return = choices.one_of<GradientReturn>(2);
  return strategy;
}

}  // namespace

/// Whatever is legal compiles to a schedule that the verifier accepts.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const Strategy strategy = choose_strategy(choices);
  const Problem problem = choose_problem(choices);
  const bool legal = !illegal(problem, strategy);
  const Result<Schedule> forward = compile(problem, strategy, Pass::forward);
  const Result<Schedule> backward = compile(problem, strategy, Pass::backward);
  fuzz::demand(forward.ok() == legal && backward.ok() == legal);
  if (!legal) return 0;
  fuzz::demand(!verify(*forward, problem) && !verify(*backward, problem));
  fuzz::demand(!check_saved(*forward, *backward));
  return 0;
}
