#include "kernels/primitive/emulation/warpgroup.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string>

#include "kernels/primitive/bfloat16.hpp"
#include "kernels/primitive/emulation/block.hpp"

namespace hsap::gpu::emulation {
namespace {

constexpr int rows = 64;
constexpr int depth = 16;

/// Shared address of an element before the swizzle, by the canonical layouts of the manual.
/// `along`: position in m or n.
std::uint32_t address_of(const DecodedDescriptor& d, Operand operand, int along, int k) {
  const auto i = static_cast<std::uint32_t>(along);
  const auto j = static_cast<std::uint32_t>(k);
  if (operand == Operand::contracted) {
    return d.address + i / 8 * d.stride_bytes + i % 8 * swizzle_row_bytes + j * 2;
  }
  return d.address + i / 64 * d.leading_bytes + i % 64 * 2 + j / 8 * d.stride_bytes +
         j % 8 * swizzle_row_bytes;
}

/// Numbers side by side in memory, which the swizzle moves together: along k of a contracted
/// operand, along m or n of the other.
constexpr int chunk = 8;

std::array<float, chunk> load_chunk(Block& block, const DecodedDescriptor& d, Operand operand,
                                    int along, int k) {
  constexpr std::size_t bytes = chunk * sizeof(Bfloat16);
  const std::uint32_t address = swizzle_128(address_of(d, operand, along, k));
  block.check_fenced(address, bytes, "wgmma");
  std::array<Bfloat16, chunk> values;
  std::memcpy(values.data(), block.shared(address, bytes, "wgmma operand"), bytes);
  std::array<float, chunk> out;
  std::transform(values.begin(), values.end(), out.begin(),
                 [](Bfloat16 value) { return to_float(value); });
  return out;
}

/// Of a matrix in memory, row by row.
std::size_t place(int row, int columns, int column) {
  return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
         static_cast<std::size_t>(column);
}

/// Calls put(along, k, value) for each number of an operand of `size` rows of m, or columns of n.
template <typename Put>
void load(Block& block, MatrixDescriptor descriptor, Operand operand, int size, const Put& put) {
  const DecodedDescriptor d = decode(descriptor);
  if (d.swizzle != 1) block.grid.fail("wgmma: only the 128-byte swizzle is emulated");
  const bool down = operand == Operand::contracted;
  for (int along = 0; along < size; along += down ? 1 : chunk) {
    for (int k = 0; k < depth; k += down ? chunk : 1) {
      const std::array<float, chunk> values = load_chunk(block, d, operand, along, k);
      for (int i = 0; i < chunk; ++i) {
        put(along + (down ? 0 : i), k + (down ? i : 0), values[static_cast<std::size_t>(i)]);
      }
    }
  }
}

float half(std::uint32_t word, int which) {
  return to_float(Bfloat16{static_cast<std::uint16_t>(which == 0 ? word : word >> 16)});
}

}  // namespace

bool Product::same_call(const Product& other) const {
  return columns == other.columns && keep == other.keep && a_in_registers == other.a_in_registers &&
         a == other.a && b == other.b && a_operand == other.a_operand &&
         b_operand == other.b_operand;
}

void Warpgroup::issue(Block& block, int thread, const Product& call, float* d,
                      const std::uint32_t* a) {
  if (!fenced_[thread]) {
    block.grid.fail("wgmma without wgmma_fence since its registers were last waited for");
  }
  const std::uint64_t number = next_[thread]++;
  if (number - first_ == products_.size()) products_.push_back(call);
  Product& product = products_[number - first_];
  if (!product.same_call(call)) block.grid.fail("wgmma: threads of a warpgroup differ in operands");
  product.d[thread] = d;
  product.a_registers[thread] = a;
  ++product.issued;

  const auto registers = static_cast<std::size_t>(call.columns / 2);
  auto [held, is_new] = held_.try_emplace(d);
  if (is_new) {
    held->second.values.assign(d, d + registers);
    std::fill_n(d, registers, std::numeric_limits<float>::quiet_NaN());
  }
  ++held->second.products;

  if (block.grid.sometimes(256)) {
    while (!products_.empty() && products_.front().issued == warpgroup_size) {
      act(block, products_.front());
      products_.pop_front();
      ++first_;
    }
  }
}

void Warpgroup::commit(int thread) {
  if (++commits_[thread] > committed_) {
    committed_ = commits_[thread];
    groups_.push_back(next_[thread]);
  }
}

void Warpgroup::finish(Block& block, int open) {
  const std::size_t closed = groups_.size();
  const auto keep = static_cast<std::size_t>(open);
  if (closed > keep) {
    const std::uint64_t end = groups_[closed - keep - 1];
    while (first_ < end) {
      act(block, products_.front());
      products_.pop_front();
      ++first_;
    }
    groups_.erase(groups_.begin(), groups_.end() - static_cast<std::ptrdiff_t>(keep));
  }
  for (bool& fenced : fenced_) fenced = false;
}

void Warpgroup::act(Block& block, const Product& product) {
  const int columns = product.columns;
  std::array<float, std::size_t{rows} * depth> a;
  std::vector<float> b(place(depth, columns, 0));
  load(block, product.b, product.b_operand, columns,
       [&](int n, int k, float value) { b[place(k, columns, n)] = value; });
  if (!product.a_in_registers) {
    load(block, product.a, product.a_operand, rows,
         [&](int m, int k, float value) { a[place(m, depth, k)] = value; });
  }
  for (int thread = 0; thread < warpgroup_size && product.a_in_registers; ++thread) {
    for (int i = 0; i < 4; ++i) {
      for (int which = 0; which < 2; ++which) {
        const Place at = operand_a_place(thread, i, which);
        a[place(at.row, depth, at.column)] = half(product.a_registers[thread][i], which);
      }
    }
  }
  std::vector<float> sums(place(rows, columns, 0), 0.0f);
  for (int m = 0; m < rows; ++m) {
    for (int k = 0; k < depth; ++k) {
      const float factor = a[place(m, depth, k)];
      const float* line = &b[place(k, columns, 0)];
      float* sum = &sums[place(m, columns, 0)];
      for (int n = 0; n < columns; ++n) sum[n] += factor * line[n];
    }
  }
  for (int thread = 0; thread < warpgroup_size; ++thread) {
    const auto entry = held_.find(product.d[thread]);
    Held& held = entry->second;
    for (int i = 0; i < columns / 2; ++i) {
      const Place at = accumulator_place(thread, i);
      float& value = held.values[static_cast<std::size_t>(i)];
      value = (product.keep ? value : 0.0f) + sums[place(at.row, columns, at.column)];
    }
    if (--held.products == 0) {
      std::copy(held.values.begin(), held.values.end(), product.d[thread]);
      held_.erase(entry);
    }
  }
}

}  // namespace hsap::gpu::emulation
