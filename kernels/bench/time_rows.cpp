#include <functional>

#include "kernels/bench/bench.hpp"

namespace hsap::bench {
namespace {

using kernels::DeviceMemory;
using kernels::Segment;
using kernels::Tensor;

const char* name_of(Dtype dtype) { return dtype == Dtype::bf16 ? "bf16" : "fp32"; }

/// Rows of a model's attention on one GPU.
struct Shape {
  std::int32_t tokens = 0;
  int heads = 0;
  int dim = 0;

  [[nodiscard]] std::int64_t numbers() const { return std::int64_t{tokens} * heads * dim; }
  [[nodiscard]] std::int64_t bytes(Dtype dtype) const { return numbers() * bytes_of(dtype); }
  [[nodiscard]] Tensor tensor(const DeviceMemory& memory, Dtype dtype) const {
    return {memory.data(), dtype, dim, std::int64_t{heads} * dim, dim};
  }
  [[nodiscard]] Tensor numbers_of(const DeviceMemory& memory) const {
    return {memory.data(), Dtype::fp32, 1, heads, 1};
  }
};

struct RowBuffers {
  DeviceMemory from, from_numbers, to, to_numbers;
};

/// Times a call on tensors of these types; `bytes` is what it reads and writes.
Row time_call(const Setup& setup, const Shape& shape, Dtype from, Dtype to, double bytes,
              const std::function<Status(const RowBuffers&)>& call) {
  const std::int64_t numbers = shape.numbers() / shape.dim * 4;
  const std::int64_t set_bytes = shape.bytes(from) + shape.bytes(to) + 2 * numbers;
  std::vector<RowBuffers> sets;
  const int count = setup.sets_for(set_bytes);
  sets.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    sets.push_back({setup.random(shape.bytes(from)), setup.random(numbers),
                    setup.random(shape.bytes(to)), setup.random(numbers)});
  }
  Row row;
  row.what = std::string(name_of(from)) + " " + name_of(to);
  row.tokens = shape.tokens;
  row.heads = row.key_heads = shape.heads;
  row.head_dim = shape.dim;
  row.bytes = bytes;
  row.seconds = time(
      setup, [&](int set) { return call(sets[static_cast<std::size_t>(set)]); }, count);
  return row;
}

/// Heads of 8 peers, packed one peer after the other.
std::vector<Segment> packing(const Shape& shape) {
  constexpr int peers = 8;
  std::vector<Segment> segments(peers);
  for (int peer = 0; peer < peers; ++peer) {
    segments[static_cast<std::size_t>(peer)] = {
        peer * shape.tokens, {{0, 1, peer * shape.heads / peers}, {peer * shape.tokens, 1, 0}}};
  }
  return segments;
}

}  // namespace

void time_rows(const Setup& setup, const Options& options) {
  const kernels::Launch launch{nullptr, options.max_sms};
  const auto note = [&](const char* kernel, Row row) {
    row.kernel = kernel;
    options.measured(row);
  };
  constexpr Dtype pairs[][2] = {{Dtype::bf16, Dtype::bf16},
                                {Dtype::bf16, Dtype::fp32},
                                {Dtype::fp32, Dtype::bf16},
                                {Dtype::fp32, Dtype::fp32}};
  for (const Shape& shape :
       {Shape{1 << 13, 32, 128}, Shape{1 << 16, 32, 128}, Shape{1 << 16, 32, 64}}) {
    if (options.quick && shape.dim == 64) continue;
    if (!options.goes_on()) break;
    const kernels::RowMap all{nullptr, 0, shape.tokens};
    const double numbers = static_cast<double>(shape.numbers()) / shape.dim * 4;
    for (const auto& [from, to] : pairs) {
      const double a = static_cast<double>(shape.bytes(from));
      const double b = static_cast<double>(shape.bytes(to));
      const auto move = [&, from = from, to = to](bool add) {
        return [&, from, to, add](const RowBuffers& on) {
          return move_rows(shape.tensor(on.from, from), shape.tensor(on.to, to), all, shape.heads,
                           add, launch);
        };
      };
      note("copy", time_call(setup, shape, from, to, a + b, move(false)));
      note("add", time_call(setup, shape, from, to, a + 2 * b, move(true)));
      const auto merge_them = [&, from = from, to = to](const RowBuffers& on) {
        return merge(shape.tensor(on.from, from), shape.numbers_of(on.from_numbers),
                     shape.tensor(on.to, to), shape.numbers_of(on.to_numbers), all, shape.heads,
                     launch);
      };
      note("merge", time_call(setup, shape, from, to, a + 2 * b + 3 * numbers, merge_them));
      const auto delta_of = [&, from = from, to = to](const RowBuffers& on) {
        return delta(shape.tensor(on.from, from), shape.tensor(on.to, to),
                     shape.numbers_of(on.to_numbers), all, shape.heads, launch);
      };
      note("delta", time_call(setup, shape, from, to, a + b + numbers, delta_of));
    }
    const std::vector<Segment> segments = packing(shape);
    const auto on_device = DeviceMemory::of(segments);
    const auto peers = static_cast<int>(segments.size());
    const auto pack = [&](const RowBuffers& on) {
      Tensor packed = shape.tensor(on.to, Dtype::bf16);
      packed.row_stride /= peers;
      return move_rows(shape.tensor(on.from, Dtype::bf16), packed,
                       {static_cast<const Segment*>(on_device.data()), peers, peers * shape.tokens},
                       shape.heads / peers, false, launch);
    };
    const double once = static_cast<double>(shape.bytes(Dtype::bf16));
    note("pack heads", time_call(setup, shape, Dtype::bf16, Dtype::bf16, 2 * once, pack));
  }
}

}  // namespace hsap::bench
