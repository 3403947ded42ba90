#include "unit/kernels/attention.hpp"

#include <cmath>

namespace test {

Backward::Backward(const Problem& of, std::uint64_t seed_, double shift)
    : problem(of),
      seed(seed_),
      q(of.queries, of.heads, of.head_dim),
      k(of.keys, of.key_heads, of.head_dim),
      v(of.keys, of.key_heads, of.head_dim),
      dout(of.queries, of.heads, of.head_dim),
      dq(of.queries, of.heads, of.head_dim),
      dk(of.keys, of.key_heads, of.head_dim),
      dv(of.keys, of.key_heads, of.head_dim) {
  q.fill(seed);
  k.fill(seed + 1);
  v.fill(seed + 2);
  dout.fill(seed + 3);
  if (shift != 0) {
    q.set_column(0, shift);
    k.set_column(0, std::sqrt(of.head_dim));
  }
  const ForwardAnswer answer = forward(problem, q, k, v);
  lse = answer.lse;
  delta = test::delta(answer.o, dout);
  for (Tensor<float>* each : {&dq, &dk, &dv}) each->set(1);
}

std::string Backward::mistakes(double limit) const {
  const BackwardAnswer answer = backward(problem, q, k, v, dout, lse, delta);
  return mistake("dq", dq, answer.dq, limit, 1) + mistake("dk", dk, answer.dk, limit, 1) +
         mistake("dv", dv, answer.dv, limit, 1);
}

}  // namespace test
