#include "hsap/execute.hpp"
#include "schedule/kinds.hpp"
#include "workload/random.hpp"

namespace hsap {

Tensors random_inputs(const Problem& problem, std::uint64_t seed) {
  const Heads& heads = problem.heads;
  Random random(seed);
  Tensors tensors;
  for (const Role role : {Role::q, Role::k, Role::v, Role::dout}) {
    Tensor& tensor = tensors[role];
    tensor = Tensor(problem.batch.tokens(), head_count(heads, role), heads.dim);
    // Odd multiples of 2^-8 below one: the 8 significant bits that bf16 holds.
    for (double& value : tensor.values) {
      value = static_cast<double>(random.between(-128, 127) * 2 + 1) * 0x1p-8;
    }
  }
  return tensors;
}

}  // namespace hsap
