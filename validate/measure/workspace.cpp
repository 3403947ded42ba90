#include "validate/measure/workspace.hpp"

#include <algorithm>
#include <random>
#include <vector>

#include "kernels/bench/sample.hpp"
#include "kernels/primitive/bfloat16.hpp"

namespace hsap::measure {
namespace {

/// Of operands: what kernels and TMA ask for, and a multiple of cache lines.
constexpr std::int64_t alignment = 1024;
/// Random numbers that are made on the host; the rest repeats them.
constexpr std::int64_t random_bytes = 1 << 20;
constexpr int width = 128;
constexpr std::int64_t row_bytes = std::int64_t{2} * width;

std::int64_t aligned(std::int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

device::Array take(std::byte* memory, std::int64_t& used, Dtype dtype, std::int64_t rows, int heads,
                   int columns) {
  device::Array array{nullptr, dtype, rows, heads, columns, std::int64_t{heads} * columns};
  if (memory != nullptr) array.data = memory + used;
  used += aligned(rows * array.row_bytes());
  return array;
}

device::Array rows_at(std::byte* data, std::int64_t bytes) {
  return {data, Dtype::bf16, bytes / row_bytes, 1, width, width};
}

/// Fills memory from a beginning that is full, twice as much each time.
Status spread(device::Device& device, device::StreamId stream, std::byte* memory,
              std::int64_t bytes) {
  for (std::int64_t done = random_bytes; done < bytes; done *= 2) {
    const std::int64_t more = std::min(done, bytes - done);
    const device::Array from = rows_at(memory, more);
    HSAP_TRY(const device::Launch copy,
             device.prepare(
                 device::Move{from, rows_at(memory + done, more), {{0, 0, from.rows}}, false}));
    HSAP_CHECK(copy(stream));
  }
  return device.synchronize();
}

std::vector<std::uint16_t> random_numbers() {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<std::uint16_t> numbers(random_bytes / 2);
  for (std::uint16_t& number : numbers) number = gpu::to_bfloat16(normal(random)).bits;
  return numbers;
}

}  // namespace

device::Array Operands::read(Dtype dtype, std::int64_t rows, int heads, int columns) {
  return take(read_, used_.read, dtype, rows, heads, columns);
}

device::Array Operands::written(Dtype dtype, std::int64_t rows, int heads, int columns) {
  return take(written_, used_.written, dtype, rows, heads, columns);
}

Result<Workspace> Workspace::make(device::Device& device, device::StreamId stream,
                                  std::int64_t bytes_of_half, std::int64_t cache_bytes) {
  const std::int64_t half = aligned(std::max(bytes_of_half, random_bytes));
  const std::vector<std::uint16_t> numbers = random_numbers();
  std::byte* halves[2];
  for (std::byte*& memory : halves) {
    HSAP_TRY(memory, device.allocate(half));
    HSAP_CHECK(device.write(memory, std::as_bytes(std::span(numbers))));
    HSAP_CHECK(spread(device, stream, memory, half));
  }
  return Workspace(halves[0], halves[1], half, cache_bytes);
}

int Workspace::sets(const Footprint& of_set) const {
  const std::int64_t wider = std::max(of_set.read, of_set.written);
  const std::int64_t fitting = wider > 0 ? half_bytes_ / wider : 1;
  const int wanted =
      bench::sets_for(std::max<std::int64_t>(of_set.read + of_set.written, 1), cache_bytes_);
  return static_cast<int>(std::min<std::int64_t>(fitting, wanted));
}

Operands Workspace::set(int number, const Footprint& of_set) const {
  return {read_ + number * of_set.read, written_ + number * of_set.written};
}

}  // namespace hsap::measure
