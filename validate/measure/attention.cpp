#include <fmt/format.h>

#include "base/units.hpp"
#include "cost/calibrate/kernels.hpp"
#include "hsap/cost.hpp"
#include "validate/measure/kernels.hpp"

namespace hsap::measure {
namespace {

struct Shape {
  Token queries;
  Token keys;
  Token document;
  Heads heads;
  bool causal;
};

constexpr Heads wide{32, 8, 128};
constexpr Heads narrow{32, 8, 64};
constexpr Heads few{8, 8, 128};
constexpr Heads one{1, 1, 128};
constexpr Token k = 1024;

constexpr Shape shapes[] = {
    // Each constant of the model once.
    {8 * k, 8 * k, 0, wide, true},
    {k, k, 0, wide, true},
    {32 * k, 32 * k, 0, wide, true},
    {8 * k, 8 * k, 0, wide, false},
    {8 * k, 8 * k, 0, narrow, true},
    {16 * k, 16 * k, 512, wide, true},
    {4 * k, 4 * k, 0, one, true},
    {512, 512, 0, wide, true},
    // Sizes between.
    {2 * k, 2 * k, 0, wide, true},
    {16 * k, 16 * k, 0, wide, true},
    {4 * k, 4 * k, 0, wide, true},
    {2 * k, 2 * k, 0, wide, false},
    {16 * k, 16 * k, 0, wide, false},
    {32 * k, 32 * k, 0, narrow, true},
    {2 * k, 2 * k, 0, narrow, true},
    {16 * k, 16 * k, 2 * k, wide, true},
    {16 * k, 16 * k, 128, wide, true},
    {16 * k, 16 * k, 32, wide, true},
    {16 * k, 16 * k, 512, narrow, true},
    {1 * k, 1 * k, 0, few, true},
    {8 * k, 8 * k, 0, few, false},
    {16 * k, 16 * k, 0, one, false},
    // Sides that a ring, a stage or a shard makes.
    {2 * k, 16 * k, 0, wide, false},
    {16 * k, 2 * k, 0, wide, false},
    {4 * k, 8 * k, 0, wide, true},
    {4 * k, 1 * k, 0, wide, false},
    {k, 4 * k, 0, few, false},
    {256, 256, 0, wide, true},
    {256, 256, 0, one, false},
    // More of each.
    {64 * k, 64 * k, 0, wide, true},
    {4 * k, 4 * k, 0, wide, false},
    {k, k, 0, wide, false},
    {32 * k, 32 * k, 0, wide, false},
    {2 * k, 2 * k, 0, few, true},
    {4 * k, 4 * k, 0, few, true},
    {16 * k, 16 * k, 0, few, true},
    {2 * k, 2 * k, 0, one, false},
    {8 * k, 8 * k, 0, one, true},
    {32 * k, 32 * k, 0, one, true},
    {4 * k, 4 * k, 0, narrow, false},
    {16 * k, 16 * k, 0, narrow, false},
    {k, k, 0, narrow, true},
    {16 * k, 16 * k, 256, wide, true},
    {16 * k, 16 * k, k, wide, true},
    {16 * k, 16 * k, 4 * k, wide, true},
    {16 * k, 16 * k, k, wide, false},
    {16 * k, 16 * k, 2 * k, narrow, true},
    {32 * k, 4 * k, 0, wide, false},
    {4 * k, 32 * k, 0, wide, false},
    {8 * k, 16 * k, 0, wide, true},
    {8 * k, 8 * k, 0, {64, 8, 128}, true},
};

}  // namespace

fit::KernelRow AttentionCase::row(double seconds) const {
  return {{}, queries, keys, heads.query, heads.dim, causal, pass, seconds, document};
}

double AttentionCase::flop() const {
  const std::vector<Slice> slices = fit::slices_of(row());
  return static_cast<double>(slices.size()) *
         attention_flop(area(slices.front()), heads.query, heads.dim, pass);
}

std::string AttentionCase::text() const {
  return fmt::format("attention {} {} x {}, {} heads of {}, {}{}", to_string(pass),
                     format_size(queries), format_size(keys), heads.query, heads.dim,
                     causal ? "causal" : "full",
                     document > 0 ? fmt::format(", documents of {}", document) : "");
}

std::vector<AttentionCase> attention_cases() {
  std::vector<AttentionCase> cases;
  for (const Shape& shape : shapes) {
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      cases.push_back({shape.queries, shape.keys, shape.document, shape.heads, shape.causal, pass});
    }
  }
  return cases;
}

Result<std::vector<device::Launch>> prepare(device::Device& device, const Workspace& workspace,
                                            const AttentionCase& of, int most_sets) {
  const device::HeadPlace place{{0, static_cast<std::uint16_t>(of.heads.query)}, of.heads};
  const std::vector<Slice> slices = fit::slices_of(of.row());
  const int heads = of.heads.query;
  const int key_heads = of.heads.key_value;
  const int dim = of.heads.dim;
  const auto forward = [&](Operands& on) {
    device::Attend call;
    call.q = on.read(Dtype::bf16, of.queries, heads, dim);
    call.k = on.read(Dtype::bf16, of.keys, key_heads, dim);
    call.v = on.read(Dtype::bf16, of.keys, key_heads, dim);
    call.o = on.written(Dtype::bf16, of.queries, heads, dim);
    call.lse = on.written(Dtype::fp32, of.queries, heads, 1);
    call.slices = slices;
    call.heads = place;
    return call;
  };
  const auto backward = [&](Operands& on) {
    device::AttendBackward call;
    call.q = on.read(Dtype::bf16, of.queries, heads, dim);
    call.k = on.read(Dtype::bf16, of.keys, key_heads, dim);
    call.v = on.read(Dtype::bf16, of.keys, key_heads, dim);
    call.dout = on.read(Dtype::bf16, of.queries, heads, dim);
    call.lse = on.read(Dtype::fp32, of.queries, heads, 1);
    call.delta = on.read(Dtype::fp32, of.queries, heads, 1);
    call.dq = on.written(Dtype::fp32, of.queries, heads, dim);
    call.dk = on.written(Dtype::fp32, of.keys, key_heads, dim);
    call.dv = on.written(Dtype::fp32, of.keys, key_heads, dim);
    call.slices = slices;
    call.heads = place;
    return call;
  };
  if (of.pass == Pass::forward) return prepare_sets(device, workspace, forward, most_sets);
  return prepare_sets(device, workspace, backward, most_sets);
}

}  // namespace hsap::measure
