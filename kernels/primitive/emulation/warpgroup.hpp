#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "kernels/primitive/fragments.hpp"
#include "kernels/primitive/matrix_descriptor.hpp"

namespace hsap::gpu {

/// Where the contracted dimension lies in shared memory (matrix_descriptor.hpp).
enum class Operand : int { contracted = 0, crossed = 1 };

}  // namespace hsap::gpu

namespace hsap::gpu::emulation {

class Block;

/// One product that a warpgroup has issued, wholly or in part.
struct Product {
  int columns = 0;  ///< N
  bool keep = false;
  bool a_in_registers = false;
  MatrixDescriptor a = 0;
  MatrixDescriptor b = 0;
  Operand a_operand = Operand::contracted;
  Operand b_operand = Operand::contracted;
  int issued = 0;  ///< threads
  float* d[warpgroup_size] = {};
  const std::uint32_t* a_registers[warpgroup_size] = {};

  [[nodiscard]] bool same_call(const Product& other) const;
};

/// The products of four warps in flight, oldest first.
class Warpgroup {
 public:
  /// Notes one thread's part of a product and takes its registers away.
  void issue(Block& block, int thread, const Product& call, float* d, const std::uint32_t* a);
  void fence(int thread) { fenced_[thread] = true; }
  void commit(int thread);
  /// Called when all threads wait: does all but the products of the latest `open` groups.
  void finish(Block& block, int open);

 private:
  /// The accumulators of one thread while products are in flight: the values, and how many products
  /// will still write them.
  struct Held {
    std::vector<float> values;
    int products = 0;
  };

  void act(Block& block, const Product& product);

  std::deque<Product> products_;
  std::uint64_t first_ = 0;  ///< number of the oldest
  std::uint64_t next_[warpgroup_size] = {};
  bool fenced_[warpgroup_size] = {};
  std::vector<std::uint64_t> groups_;  ///< products before the end of each open group
  int commits_[warpgroup_size] = {};
  int committed_ = 0;
  std::map<float*, Held> held_;
};

}  // namespace hsap::gpu::emulation
