#include "hsap/compile.hpp"

#include "compile/lowering.hpp"
#include "compile/ulysses.hpp"

namespace hsap {
namespace {

std::unique_ptr<ContextExchange> make_exchange(Lowering& lower) { return make_ring(lower); }

}  // namespace

Result<Schedule> compile(const Problem& problem, const Strategy& strategy, Pass pass) {
  if (const auto reason = illegal(problem, strategy)) return infeasible(*reason);
  Lowering lower(problem, resolve(problem, strategy), pass);
  const std::unique_ptr<ContextExchange> exchange = make_exchange(lower);
  Ulysses ulysses(lower);
  for (Rank rank = 0; rank < lower.mesh.ranks(); ++rank) {
    const Seat seat = lower.mesh.seat(rank);
    if (pass == Pass::forward) {
      ulysses.forward(seat, *exchange);
    } else {
      ulysses.backward(seat, *exchange);
    }
  }
  return lower.build.finish();
}

}  // namespace hsap
