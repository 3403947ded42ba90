#pragma once

#include <cstdint>

#include "kernels/primitive/primitive.hpp"

/// What element-wise kernels share: how threads divide lines (one row of one head each) among
/// themselves, and vector loads and stores of either type.
namespace hsap::kernels {

/// Threads of a block of every element-wise kernel.
inline constexpr int line_threads = 256;

/// Numbers that a thread moves at a time: 16 bytes of the smaller type; one of lines of one.
template <typename A, typename B, int Columns>
inline constexpr int line_width = Columns == 1
                                      ? 1
                                      : (sizeof(A) < sizeof(B) ? 16 / sizeof(A) : 16 / sizeof(B));

/// The lines of one thread, a grid apart. All lanes of a warp take equally many steps.
template <int Columns, int Width>
class Lines {
 public:
  static constexpr int lanes = Columns / Width;  ///< that share a line
  static_assert(Columns % Width == 0 && lanes <= gpu::warp_size);

  HSAP_DEVICE Lines(std::int32_t rows, std::int32_t heads)
      : heads_(heads), end_(static_cast<std::int64_t>(rows) * heads) {
    const int threads_before = gpu::block_index() * line_threads + gpu::thread_index();
    line_ = threads_before / lanes;
    in_warp_ = gpu::lane_index() / lanes;
  }

  /// The whole warp is through.
  HSAP_DEVICE bool done() const { return line_ - in_warp_ >= end_; }
  /// This thread has a line in this step.
  HSAP_DEVICE bool valid() const { return line_ < end_; }
  HSAP_DEVICE void next() {
    line_ += static_cast<std::int64_t>(gpu::block_count()) * (line_threads / lanes);
  }

  HSAP_DEVICE std::int32_t row() const { return static_cast<std::int32_t>(line_) / heads_; }
  HSAP_DEVICE std::int32_t head() const { return static_cast<std::int32_t>(line_) % heads_; }
  /// The first of the numbers that are this thread's.
  HSAP_DEVICE static int column() { return gpu::lane_index() % lanes * Width; }
  HSAP_DEVICE static bool first_lane() { return gpu::lane_index() % lanes == 0; }

 private:
  std::int32_t heads_;
  std::int64_t line_;
  std::int64_t end_;
  std::int32_t in_warp_;
};

template <int Width>
struct Numbers {
  float values[Width] = {};
};

template <int Width>
HSAP_DEVICE Numbers<Width> load_numbers(const float* from) {
  Numbers<Width> numbers;
  if constexpr (Width == 1) {
    numbers.values[0] = *from;
  } else {
    HSAP_UNROLL
    for (int i = 0; i < Width; i += 4) {
      const gpu::Vector4 vector = gpu::load_vector(from + i);
      HSAP_UNROLL
      for (int j = 0; j < 4; ++j) numbers.values[i + j] = std::bit_cast<float>(vector.words[j]);
    }
  }
  return numbers;
}
template <int Width>
HSAP_DEVICE Numbers<Width> load_numbers(const gpu::Bfloat16* from) {
  Numbers<Width> numbers;
  if constexpr (Width == 1) {
    numbers.values[0] = to_float(*from);
  } else {
    static_assert(Width == 8);
    const gpu::Vector4 vector = gpu::load_vector(from);
    HSAP_UNROLL
    for (int j = 0; j < 4; ++j) {
      numbers.values[2 * j] = std::bit_cast<float>(vector.words[j] << 16);
      numbers.values[2 * j + 1] = std::bit_cast<float>(vector.words[j] & 0xffff0000u);
    }
  }
  return numbers;
}

template <int Width>
HSAP_DEVICE void store_numbers(float* to, const Numbers<Width>& numbers) {
  if constexpr (Width == 1) {
    *to = numbers.values[0];
  } else {
    HSAP_UNROLL
    for (int i = 0; i < Width; i += 4) {
      gpu::Vector4 vector;
      HSAP_UNROLL
      for (int j = 0; j < 4; ++j) {
        vector.words[j] = std::bit_cast<std::uint32_t>(numbers.values[i + j]);
      }
      gpu::store_vector(to + i, vector);
    }
  }
}
template <int Width>
HSAP_DEVICE void store_numbers(gpu::Bfloat16* to, const Numbers<Width>& numbers) {
  if constexpr (Width == 1) {
    *to = gpu::to_bfloat16(numbers.values[0]);
  } else {
    static_assert(Width == 8);
    gpu::Vector4 vector;
    HSAP_UNROLL
    for (int j = 0; j < 4; ++j) {
      vector.words[j] = gpu::pack_bfloat16(numbers.values[2 * j], numbers.values[2 * j + 1]);
    }
    gpu::store_vector(to, vector);
  }
}

}  // namespace hsap::kernels
