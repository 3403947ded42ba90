#pragma once

#include <memory>
#include <string>

#include "hsap/execute.hpp"
#include "validate/device/nccl_communicator.hpp"
#include "validate/device/nccl_device.hpp"
#include "validate/world/world.hpp"

namespace hsap::nccl {

struct ProcessOptions {
  /// Kept free of kernels where a schedule communicates, and shared by its communicators; 0: none.
  int communication_sms = 0;
  int max_sms = 0;   ///< for kernels; 0: what is not kept
  int max_ctas = 0;  ///< of each communicator; 0: its share of what is kept, or NCCL's choice
  int repeats = 1;
  bool graph = false;           ///< repeats are runs of one CUDA graph
  bool gathers_results = true;  ///< to rank 0
};

/// This process as one rank of a run over NCCL, on the GPU of this machine that its local rank
/// names. Where a machine has fewer GPUs than ranks they share them, and NCCL talks over loopback:
/// that proves results and order, and its times mean nothing.
class Process {
 public:
  /// Errors: those of World::join; no driver or GPU (infeasible).
  [[nodiscard]] static Result<std::unique_ptr<Process>> join(const world::Place& place,
                                                             const std::string& plan_fingerprint,
                                                             const ProcessOptions& options,
                                                             const world::Limits& limits = {});

  /// Whether this process tells the result.
  [[nodiscard]] bool speaks() const { return world_.rank() == 0; }
  [[nodiscard]] bool shares_gpus() const { return shares_gpus_; }
  /// Whether consecutive ranks fill one machine after the other, so many to each.
  [[nodiscard]] bool fills_nodes(int gpus_per_node) const;

  /// executor::execute_in_world() on this GPU.
  [[nodiscard]] Result<Execution> execute(const Schedule& schedule, Tensors& tensors,
                                          const ExecuteOptions& options);
  /// Every process says how it fared; all fail when one did. Waits as long as the one that compares
  /// with the truth may take.
  [[nodiscard]] Status finish(const Status& own);

 private:
  Process(world::World world, const ProcessOptions& options)
      : world_(std::move(world)), options_(options) {}
  void share_gpus();

  world::World world_;
  ProcessOptions options_;
  int gpu_ = 0;
  bool shares_gpus_ = false;
};

}  // namespace hsap::nccl
