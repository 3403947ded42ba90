#include <algorithm>
#include <cstring>

#include "device/selftest.hpp"
#include "kernels/primitive/bfloat16.hpp"

using namespace hsap;

namespace test {
namespace {

/// Numbers after every row: a head's, since TMA wants each stride to be a multiple of the one
/// before.
int room(int columns) { return std::max(columns, 16); }

}  // namespace

float rounded(double value, Dtype dtype) {
  const auto number = static_cast<float>(value);
  return dtype == Dtype::bf16 ? to_float(gpu::to_bfloat16(number)) : number;
}

std::vector<float> random_numbers(std::size_t count, Dtype dtype, std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  std::vector<float> numbers(count);
  for (float& number : numbers) number = rounded(normal(random), dtype);
  return numbers;
}

DeviceTensor::DeviceTensor(int rows, int heads, int columns, Dtype dtype)
    : rows_(rows),
      heads_(heads),
      columns_(columns),
      dtype_(dtype),
      row_stride_(heads * columns + room(columns)),
      memory_(static_cast<std::size_t>(rows + 1) * static_cast<std::size_t>(row_stride_) *
              static_cast<std::size_t>(bytes_of(dtype))) {}

std::vector<std::uint8_t> DeviceTensor::bytes() const {
  std::vector<std::uint8_t> bytes(memory_.bytes());
  memory_.read(bytes.data(), bytes.size());
  return bytes;
}

void DeviceTensor::fill(const std::vector<float>& numbers) {
  std::vector<std::uint8_t> all = bytes();
  const int in_row = heads_ * columns_;
  const int width = bytes_of(dtype_);
  for (int row = 0; row < rows_; ++row) {
    for (int i = 0; i < in_row; ++i) {
      const float number = numbers[static_cast<std::size_t>(row * in_row + i)];
      const gpu::Bfloat16 half = gpu::to_bfloat16(number);
      std::memcpy(&all[static_cast<std::size_t>((row * row_stride_ + i) * width)],
                  dtype_ == Dtype::bf16 ? static_cast<const void*>(&half) : &number,
                  static_cast<std::size_t>(width));
    }
  }
  memory_.write(all.data(), all.size());
}

std::vector<float> DeviceTensor::read() const {
  const std::vector<std::uint8_t> all = bytes();
  std::vector<float> numbers;
  const int width = bytes_of(dtype_);
  for (int row = 0; row < rows_; ++row) {
    for (int i = 0; i < heads_ * columns_; ++i) {
      const auto* at = &all[static_cast<std::size_t>((row * row_stride_ + i) * width)];
      float number = 0;
      gpu::Bfloat16 half;
      if (dtype_ == Dtype::bf16) {
        std::memcpy(&half, at, sizeof half);
        number = to_float(half);
      } else {
        std::memcpy(&number, at, sizeof number);
      }
      numbers.push_back(number);
    }
  }
  return numbers;
}

bool DeviceTensor::intact() const {
  const std::vector<std::uint8_t> all = bytes();
  const auto stride = static_cast<std::ptrdiff_t>(row_stride_ * bytes_of(dtype_));
  const auto used = static_cast<std::ptrdiff_t>(heads_ * columns_ * bytes_of(dtype_));
  const auto is_poison = [](std::uint8_t byte) { return byte == 0xff; };
  for (int row = 0; row < rows_; ++row) {
    const auto begin = all.begin() + row * stride;
    if (!std::all_of(begin + used, begin + stride, is_poison)) return false;
  }
  return std::all_of(all.begin() + rows_ * stride, all.end(), is_poison);
}

kernels::Tensor DeviceTensor::view(int first_head) const {
  auto* data = static_cast<std::byte*>(memory_.data());
  return {data + static_cast<std::ptrdiff_t>(first_head) * columns_ * bytes_of(dtype_), dtype_,
          columns_, row_stride_, columns_};
}

}  // namespace test
