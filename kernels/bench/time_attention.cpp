#include <cmath>
#include <stdexcept>

#include "hsap/trace.hpp"
#include "kernels/bench/bench.hpp"

namespace hsap::bench {
namespace {

using kernels::DeviceMemory;
using kernels::Tensor;

struct Case {
  std::string what;
  Batch batch;
  Mask mask;
  Heads heads;
};

Tensor tensor(const DeviceMemory& memory, Dtype dtype, int heads, int columns) {
  return {memory.data(), dtype, columns, std::int64_t{heads} * columns, columns};
}

/// The buffers of one call of either pass.
struct Buffers {
  Buffers(const Setup& setup, const Case& of, Pass pass)
      : heads(of.heads),
        q(setup.random(query_bytes(of, 2))),
        k(setup.random(key_bytes(of, 2))),
        v(setup.random(key_bytes(of, 2))),
        lse(setup.random(query_bytes(of, 4) / of.heads.dim)),
        o_or_dout(setup.random(query_bytes(of, 2))),
        delta(setup.random(pass == Pass::backward ? query_bytes(of, 4) / of.heads.dim : 0)),
        dq(setup.random(pass == Pass::backward ? query_bytes(of, 4) : 0)),
        dk(setup.random(pass == Pass::backward ? key_bytes(of, 4) : 0)),
        dv(setup.random(pass == Pass::backward ? key_bytes(of, 4) : 0)) {}

  static std::int64_t query_bytes(const Case& of, int each) {
    return std::int64_t{of.batch.tokens()} * of.heads.query * of.heads.dim * each;
  }
  static std::int64_t key_bytes(const Case& of, int each) {
    return std::int64_t{of.batch.tokens()} * of.heads.key_value * of.heads.dim * each;
  }
  /// Of all buffers, which is what a call must read and write.
  static std::int64_t bytes(const Case& of, Pass pass) {
    const std::int64_t numbers = query_bytes(of, 4) / of.heads.dim;
    const std::int64_t forward = 2 * query_bytes(of, 2) + 2 * key_bytes(of, 2) + numbers;
    if (pass == Pass::forward) return forward;
    return forward + numbers + query_bytes(of, 4) + 2 * key_bytes(of, 4);
  }

  [[nodiscard]] float scale() const { return 1 / std::sqrt(static_cast<float>(heads.dim)); }
  [[nodiscard]] Tensor of_queries(const DeviceMemory& memory, Dtype dtype) const {
    return tensor(memory, dtype, heads.query, heads.dim);
  }
  [[nodiscard]] Tensor of_keys(const DeviceMemory& memory, Dtype dtype) const {
    return tensor(memory, dtype, heads.key_value, heads.dim);
  }
  [[nodiscard]] Tensor numbers(const DeviceMemory& memory) const {
    return tensor(memory, Dtype::fp32, heads.query, 1);
  }

  [[nodiscard]] kernels::AttendOperands forward() const {
    return {of_queries(q, Dtype::bf16),
            of_keys(k, Dtype::bf16),
            of_keys(v, Dtype::bf16),
            of_queries(o_or_dout, Dtype::bf16),
            numbers(lse),
            scale()};
  }
  [[nodiscard]] kernels::AttendBackwardOperands backward() const {
    return {of_queries(q, Dtype::bf16),
            of_keys(k, Dtype::bf16),
            of_keys(v, Dtype::bf16),
            of_queries(o_or_dout, Dtype::bf16),
            numbers(lse),
            numbers(delta),
            of_queries(dq, Dtype::fp32),
            of_keys(dk, Dtype::fp32),
            of_keys(dv, Dtype::fp32),
            scale()};
  }

  Heads heads;
  DeviceMemory q, k, v, lse, o_or_dout, delta, dq, dk, dv;
};

Row time_case(const Setup& setup, const Case& of, Pass pass, const Options& options) {
  const bool forward = pass == Pass::forward;
  kernels::AttentionShape shape;
  shape.query_rows = shape.key_rows = of.batch.tokens();
  shape.heads = of.heads.query;
  shape.key_heads = of.heads.key_value;
  shape.heads_per_key_head = of.heads.query / of.heads.key_value;
  shape.head_dim = of.heads.dim;
  const std::vector<Slice> slices = lower(of.mask, of.batch);
  const auto plan = forward ? plan_forward(setup.device, shape, slices)
                            : plan_backward(setup.device, shape, slices);
  if (!plan) throw std::runtime_error(plan.error().text());
  const auto plan_bytes = DeviceMemory::of(plan->bytes);
  const auto workspace =
      DeviceMemory::of(std::vector<std::byte>(static_cast<std::size_t>(plan->workspace_bytes())));
  const kernels::PlanOnDevice on{*plan, plan_bytes.data(), workspace.data()};

  const std::int64_t bytes = Buffers::bytes(of, pass);
  std::vector<Buffers> sets;
  const int count = setup.sets_for(bytes);
  sets.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) sets.emplace_back(setup, of, pass);
  const auto call = [&](int set) {
    const Buffers& buffers = sets[static_cast<std::size_t>(set)];
    const kernels::Launch launch{nullptr, options.max_sms};
    return forward ? attend(on, buffers.forward(), launch)
                   : attend_backward(on, buffers.backward(), launch);
  };
  Row row;
  row.kernel = forward ? "forward" : "backward";
  row.what = of.what;
  row.tokens = of.batch.tokens();
  row.heads = of.heads.query;
  row.key_heads = of.heads.key_value;
  row.head_dim = of.heads.dim;
  row.mask = to_string(of.mask);
  row.packed = of.batch.documents() > 1;
  row.bytes = static_cast<double>(bytes);
  row.flop = (forward ? 4.0 : 10.0) * static_cast<double>(area(of.mask, of.batch)) *
             of.heads.query * of.heads.dim;
  row.seconds = time(setup, call, count);
  return row;
}

std::string in_units(std::int64_t tokens) {
  return tokens % 1024 == 0 ? std::to_string(tokens / 1024) + "K" : std::to_string(tokens);
}

std::vector<Case> single_documents(const Options& options) {
  std::vector<Case> cases;
  const Mask causal;
  Mask full;
  full.kind = Mask::Kind::full;
  const auto add = [&](const Mask& mask, const Heads& heads, Token from, Token to, Token step) {
    for (Token tokens = from; tokens <= to; tokens *= step) {
      cases.push_back({in_units(tokens) + " " + to_string(mask), {{tokens}}, mask, heads});
    }
  };
  const Token step = options.quick ? 8 : 2;
  add(causal, {64, 8, 128}, 1 << 10, 1 << 17, step);
  add(full, {64, 8, 128}, 1 << 11, 1 << 16, 2 * step);
  add(causal, {32, 32, 128}, 1 << 11, 1 << 15, 2 * step);
  add(causal, {32, 8, 64}, 1 << 10, 1 << 17, step);
  add(full, {32, 8, 64}, 1 << 11, 1 << 15, 2 * step);
  return cases;
}

/// Batches of the shipped traces. Throws where a trace cannot be read.
std::vector<Case> packed_documents(const Options& options) {
  std::vector<Case> cases;
  for (const char* name : {"wlb-llm", "prolong", "wikipedia", "magi"}) {
    const auto trace = load_trace(name);
    if (!trace) throw std::runtime_error(trace.error().text());
    SampleOptions wanted;
    wanted.context = 1 << 16;
    wanted.batches = options.quick ? 1 : 2;
    const auto batches = sample(*trace, wanted);
    if (!batches) throw std::runtime_error(batches.error().text());
    for (const Batch& batch : *batches) {
      const std::string what = std::string(name) + ", " + std::to_string(batch.documents()) +
                               " documents in " + in_units(batch.tokens());
      cases.push_back({what, batch, Mask{}, {64, 8, 128}});
      if (!options.quick) cases.push_back({what, batch, Mask{}, {32, 8, 64}});
    }
  }
  return cases;
}

}  // namespace

void time_attention(const Setup& setup, const Options& options) {
  std::vector<Case> cases = single_documents(options);
  for (Case& packed : packed_documents(options)) cases.push_back(std::move(packed));
  for (const Case& each : cases) {
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      if (!setup.fits(Buffers::bytes(each, pass))) continue;
      if (!options.wants(pass == Pass::forward ? "forward" : "backward")) continue;
      if (!options.goes_on()) return;
      options.measured(time_case(setup, each, pass, options));
    }
  }
}

}  // namespace hsap::bench
