#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hsap/interval.hpp"
#include "hsap/mask.hpp"
#include "hsap/status.hpp"
#include "hsap/strategy.hpp"

/// GPU kernels: attention over mask slices, and the work on rows around it.
///
/// Every function that takes a Launch only puts work on its stream: it allocates nothing, waits for
/// nothing, and may be captured in a CUDA graph. Memory, also scratch memory, is the caller's; what
/// a launch reads must stay until it has run. Everything happens on the calling thread's current
/// device. Errors: bad_input for operands that a kernel does not take, infeasible for what CUDA
/// refuses.
namespace hsap::kernels {

/// cudaStream_t.
using CudaStream = void*;

struct Launch {
  CudaStream stream = nullptr;
  int max_sms = 0;  ///< as many blocks as fill so many SMs, so that others have room; 0: all
};

/// Which attention kernels a device runs.
enum class Family : std::uint8_t {
  portable,  ///< sm_80 and later
  hopper,    ///< sm_90
};

/// A device may be asked for the other family's kernels by setting `family` to portable.
struct Device {
  std::string name;
  int major = 0;  ///< compute capability
  int minor = 0;
  int sms = 0;
  std::int64_t memory_bytes = 0;
  Family family = Family::portable;
};

/// Errors (infeasible): no driver, no GPU, or one before sm_80.
[[nodiscard]] Result<Device> current_device();

/// Rows x heads x columns in device memory, columns next to each other. Strides count elements.
/// Unless it has one column, data and strides are multiples of 16 bytes.
struct Tensor {
  void* data = nullptr;
  Dtype dtype = Dtype::bf16;
  int columns = 1;
  std::int64_t row_stride = 0;
  std::int64_t head_stride = 0;
};

// --- Attention ---

struct AttentionShape {
  std::int32_t query_rows = 0;
  std::int32_t key_rows = 0;
  int heads = 0;               ///< query heads of the call
  int key_heads = 0;           ///< that they see
  int heads_per_key_head = 1;  ///< of the model
  int head_offset = 0;         ///< position of the first query head among those of its key head
  int head_dim = 128;          ///< 64 or 128
};

/// The work of an attention call, cut for one family of kernels. Made once per batch, on the host;
/// plain data.
struct AttentionPlan {
  Pass pass = Pass::forward;
  Family family = Family::portable;
  int sms = 0;
  int blocks_of_sm = 1;  ///< resident at the same time
  AttentionShape shape;
  std::int32_t tiles = 0;
  std::size_t runs_at = 0;  ///< offsets in `bytes`
  std::size_t bands_at = 0;
  std::vector<std::byte> bytes;  ///< to be copied to device memory, aligned to 16

  /// Device memory that a launch counts its work in, aligned to 16. Zeros before the first launch;
  /// each leaves zeros for the next. Launches that may run at the same time need their own.
  [[nodiscard]] std::int64_t workspace_bytes() const { return 16; }
};

/// Slices count rows of the operands; their pairs are disjoint and their strides 1. Errors
/// (bad_input): a slice that is empty, strided or beyond the rows; a head_dim that no kernel has;
/// heads that do not see those key heads.
[[nodiscard]] Result<AttentionPlan> plan_forward(const Device& device, const AttentionShape& shape,
                                                 std::span<const Slice> slices);
[[nodiscard]] Result<AttentionPlan> plan_backward(const Device& device, const AttentionShape& shape,
                                                  std::span<const Slice> slices);

/// A plan, where its bytes are in device memory, and its workspace.
struct PlanOnDevice {
  const AttentionPlan& plan;
  const void* bytes = nullptr;
  void* workspace = nullptr;
};

/// Rows next to those of a slice may be read with weight 0: all numbers of q, k, v and dout must be
/// finite.
struct AttendOperands {
  Tensor q, k, v;           ///< bf16
  Tensor o;                 ///< bf16 or fp32
  Tensor lse;               ///< fp32, one column; natural logarithm
  float scale = 0;          ///< of the scores before the softmax
  bool accumulate = false;  ///< merges into what o and lse hold
};

/// Softmax attention. Writes every query row: o = 0 and lse = -inf where no slice reaches.
[[nodiscard]] Status attend(const PlanOnDevice& on, const AttendOperands& operands,
                            const Launch& launch);

struct AttendBackwardOperands {
  Tensor q, k, v, dout;  ///< bf16
  Tensor lse, delta;     ///< fp32, one column: of the complete softmax
  Tensor dq, dk, dv;     ///< fp32
  float scale = 0;
  bool accumulate_query = false;  ///< adds to what dq holds
  bool accumulate_key = false;    ///< adds to what dk and dv hold
};

/// Gradients of the pairs of the slices, by sums in fp32 whose order may differ from run to run.
[[nodiscard]] Status attend_backward(const PlanOnDevice& on, const AttendBackwardOperands& operands,
                                     const Launch& launch);

// --- Rows ---

/// Rows that several tensors hold at equal steps.
struct Segment {
  struct Part {
    std::int32_t row = 0;   ///< of the tensor; below 0: nowhere (reads as zeros)
    std::int32_t step = 1;  ///< from row to row
    std::int32_t head = 0;  ///< of the tensor, where the call counts from 0
  };

  std::int32_t first = 0;  ///< rows of the segments before it
  Part parts[3];           ///< by tensor, in the order in which a function names them
};

/// The rows of a call: those of some segments in device memory, or the same `rows` of every tensor.
struct RowMap {
  const Segment* segments = nullptr;
  std::int32_t count = 0;
  std::int32_t rows = 0;  ///< of all segments
};

/// Joins lists of equally many rows, two or three: the first row of each list belong together, and
/// so on. Errors (bad_input): unequal lists.
[[nodiscard]] Result<std::vector<Segment>> match_rows(
    std::span<const std::span<const Interval>> lists);

/// Copies or adds rows from one tensor (part 0) to another (1), of either type. Without data the
/// first reads as zeros. No row of the second twice. Columns: 1, 64 or 128.
[[nodiscard]] Status move_rows(const Tensor& from, const Tensor& to, const RowMap& rows, int heads,
                               bool add, const Launch& launch);

/// Joins a partial result (part 0; bf16 or fp32) into (o, lse) (part 1) by log-sum-exp. Outputs
/// whose lse is -inf are not read. Columns: 64 or 128.
[[nodiscard]] Status merge(const Tensor& part_o, const Tensor& part_lse, const Tensor& o,
                           const Tensor& lse, const RowMap& rows, int heads, const Launch& launch);

/// delta (part 2; fp32) = rowsum(o * dout) (parts 0 and 1; bf16 or fp32). Columns: 64 or 128.
[[nodiscard]] Status delta(const Tensor& o, const Tensor& dout, const Tensor& delta,
                           const RowMap& rows, int heads, const Launch& launch);

}  // namespace hsap::kernels
