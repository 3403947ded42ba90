#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/attention/arguments.hpp"
#include "kernels/primitive/emulation/grid.hpp"
#include "kernels/tiles/tile_list.hpp"
#include "unit/kernels/problem.hpp"

/// Attention kernels of either family under the emulation. The kernel is a template argument, so
/// that the same code runs Hopper's kernels, the portable ones, and mutants of them.
namespace test {

template <typename Kernel>
inline constexpr int head_dim_of = 0;
template <template <int> typename Family, int HeadDim>
inline constexpr int head_dim_of<Family<HeadDim>> = HeadDim;

/// Runs a kernel, with maps if it takes any. Errors: those of the emulation; a counter of work that
/// the next launch would not find at 0.
template <typename Kernel, typename Arguments, typename Maps>
hsap::Status start(const Arguments& on, const Maps& maps, std::uint64_t seed) {
  hsap::gpu::emulation::Launch launch;
  launch.blocks = 2;
  launch.threads = Kernel::threads;
  launch.shared_bytes = Kernel::shared_bytes;
  launch.seed = seed;
  HSAP_CHECK(hsap::gpu::emulation::run(launch, [&] {
    if constexpr (requires { Kernel::run(on, maps); }) {
      Kernel::run(on, maps);
    } else {
      Kernel::run(on);
    }
  }));
  if (*on.work.next == 0) return {};
  return hsap::infeasible("the counter of work was left at " + std::to_string(*on.work.next));
}

/// Inputs and outputs of the forward pass. `Output` is the type of o.
template <typename Output = float>
struct Forward {
  Forward(const Problem& of, std::uint64_t seed_)
      : problem(of),
        seed(seed_),
        q(of.queries, of.heads, of.head_dim),
        k(of.keys, of.key_heads, of.head_dim),
        v(of.keys, of.key_heads, of.head_dim),
        o(of.queries, of.heads, of.head_dim),
        lse(of.queries, of.heads, 1) {
    q.fill(seed);
    k.fill(seed + 1);
    v.fill(seed + 2);
  }

  Problem problem;
  std::uint64_t seed;
  Operand q;
  Operand k;
  Operand v;
  Tensor<Output> o;
  Tensor<float> lse;

  template <typename Kernel>
  hsap::Status run(const std::vector<hsap::Slice>& slices, bool accumulate = false) {
    HSAP_TRY(const auto list,
             hsap::kernels::make_tiles(slices, hsap::kernels::Side::query, problem.queries,
                                       problem.keys, {Kernel::rows, Kernel::keys}));
    int next_work = 0;
    hsap::kernels::ForwardArguments on;
    on.work = problem.work(list, &next_work);
    on.q = q.read();
    on.k = k.read();
    on.v = v.read();
    if constexpr (std::is_same_v<Output, float>) {
      on.o_fp32 = o.view();
    } else {
      on.o_bf16 = o.view();
    }
    on.lse = lse.view();
    on.accumulate = accumulate;
    const hsap::kernels::ForwardMaps maps{q.map(Kernel::rows), k.map(Kernel::keys),
                                          v.map(Kernel::keys)};
    return start<Kernel>(on, maps, seed);
  }

  /// What is wrong with the outputs, once all slices have run.
  [[nodiscard]] std::string mistakes() const {
    const ForwardAnswer answer = forward(problem, q, k, v);
    return mistake("o", o, answer.o, 5e-3) + mistake("lse", lse, answer.lse, 1e-5);
  }
};

/// Inputs and outputs of the backward pass, with the log-sum-exp and delta of the whole problem.
struct Backward {
  /// `shift` is added to all scores, where it changes no weight.
  Backward(const Problem& of, std::uint64_t seed_, double shift = 0);

  Problem problem;
  std::uint64_t seed;
  Operand q;
  Operand k;
  Operand v;
  Operand dout;
  Answer lse;
  Answer delta;
  Tensor<float> dq;  ///< gradients add to what is there: 1 before the first run
  Tensor<float> dk;
  Tensor<float> dv;

  template <typename Kernel>
  hsap::Status run(const std::vector<hsap::Slice>& slices) {
    HSAP_TRY(const auto list,
             hsap::kernels::make_tiles(slices, hsap::kernels::Side::key, problem.keys,
                                       problem.queries, {Kernel::keys, Kernel::queries}));
    int next_work = 0;
    const std::vector<float> lse_rows(lse.values.begin(), lse.values.end());
    const std::vector<float> delta_rows(delta.values.begin(), delta.values.end());
    hsap::kernels::BackwardArguments on;
    on.work = problem.work(list, &next_work);
    on.q = q.read();
    on.k = k.read();
    on.v = v.read();
    on.dout = dout.read();
    on.lse = {lse_rows.data(), problem.heads, 1};
    on.delta = {delta_rows.data(), problem.heads, 1};
    on.dq = dq.view();
    on.dk = dk.view();
    on.dv = dv.view();
    const hsap::kernels::BackwardMaps maps{q.map(Kernel::queries), k.map(Kernel::keys),
                                           v.map(Kernel::keys), dout.map(Kernel::queries)};
    return start<Kernel>(on, maps, seed);
  }

  /// What is wrong with the gradients, once all slices have run.
  [[nodiscard]] std::string mistakes(double limit = 5e-3) const;
};

}  // namespace test
