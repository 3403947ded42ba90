#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "hsap/buffer_plan.hpp"
#include "hsap/execute.hpp"
#include "validate/device/device.hpp"
#include "validate/host/memory.hpp"

namespace hsap::executor {

/// The buffers of one rank in device memory, one piece laid out by plan_buffers(), and its kernels.
class RankMemory {
 public:
  /// Errors (infeasible): no memory.
  [[nodiscard]] static Result<RankMemory> make(const Schedule& schedule, const BufferPlan& plan,
                                               Rank rank, device::Device& device);

  [[nodiscard]] bool has(Index buffer) const { return plan_->offset_bytes[buffer] >= 0; }
  /// The whole buffer, or some of its heads.
  [[nodiscard]] device::Array array(Index buffer) const;
  [[nodiscard]] device::Array array(Index buffer, HeadRange heads) const;
  /// Where the tokens of a buffer stand.
  [[nodiscard]] const host::Rows& rows(Index buffer);
  [[nodiscard]] std::byte* data() const { return piece_; }
  [[nodiscard]] std::int64_t bytes() const { return plan_->bytes[static_cast<std::size_t>(rank_)]; }

  [[nodiscard]] Status read_inputs(const Tensors& tensors);
  [[nodiscard]] Status write_results(Tensors& tensors);
  /// Zeros in their place: what is there later was written by a later run.
  [[nodiscard]] Status clear_results();

 private:
  RankMemory(const Schedule& schedule, const BufferPlan& plan, Rank rank, device::Device& device)
      : schedule_(&schedule), plan_(&plan), rank_(rank), device_(&device) {}

  /// A buffer in host memory, as large as it is.
  [[nodiscard]] host::View view(Index buffer, std::vector<std::byte>& bytes);

  const Schedule* schedule_;
  const BufferPlan* plan_;
  Rank rank_;
  device::Device* device_;
  std::byte* piece_ = nullptr;
  std::map<std::pair<Index, Index>, std::unique_ptr<host::Rows>> rows_;  ///< by interval range
};

/// What a kernel of a schedule is on the device. Not for exchanges and collectives.
/// Errors (infeasible): rows that the kernels of the device cannot take as they lie.
[[nodiscard]] Result<device::Launch> prepare(const Schedule& schedule, const Operation& op,
                                             RankMemory& memory, device::Device& device);

}  // namespace hsap::executor
