#include "hsap/compile.hpp"

#include "compile/lowering.hpp"
#include "compile/ulysses.hpp"

namespace hsap {
namespace {

std::unique_ptr<ContextExchange> make_exchange(Lowering& lower) {
  // One shard has nobody to exchange with, whatever the method: a ring of one.
  if (lower.mesh.shards() == 1) return make_ring(lower, 1);
  switch (lower.strategy.exchange) {
    case Exchange::all_gather:
      return make_all_gather(lower);
    case Exchange::p2p:
      return make_p2p(lower);
    case Exchange::hierarchical:
      return make_hierarchical(lower);
    case Exchange::double_ring:
      return make_ring(lower, lower.strategy.inner_degree);
    default:
      return make_ring(lower, lower.mesh.shards());
  }
}

}  // namespace

Result<Schedule> compile(const Problem& problem, const Strategy& strategy, Pass pass) {
  if (const auto reason = illegal(problem, strategy)) return infeasible(*reason);
  Lowering lower(problem, resolve(strategy), pass);
  const std::unique_ptr<ContextExchange> exchange = make_exchange(lower);
  Ulysses ulysses(lower);
  for (Rank rank = 0; rank < lower.mesh.ranks(); ++rank) {
    const Seat seat = lower.mesh.seat(rank);
    if (pass == Pass::forward) {
      ulysses.forward(seat, *exchange);
    } else {
      ulysses.backward(seat, *exchange);
    }
    if (rank == 0) lower.build.expect_ranks(lower.mesh.ranks());
  }
  return lower.build.finish();
}

}  // namespace hsap
