#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "validate/device/communicator.hpp"
#include "validate/device/cuda_device.hpp"

namespace hsap::device {

/// NCCL between processes that each have a GPU current on this thread.
class NcclCommunicator : public Communicator {
 public:
  struct Options {
    int max_ctas = 0;        ///< thread blocks, and so SMs, of its kernels; 0: NCCL's choice
    double patience_s = 60;  ///< for all ranks to come, and for a group to start
  };

  /// Of NCCL: "2.27.5".
  [[nodiscard]] static Result<std::string> version();
  /// What one rank makes and tells the others: names the communicator.
  [[nodiscard]] static Result<std::vector<std::byte>> make_id();
  /// Every rank calls it with the same id. Errors (infeasible): what NCCL says; ranks that do not
  /// come in time.
  [[nodiscard]] static Result<std::unique_ptr<NcclCommunicator>> make(std::span<const std::byte> id,
                                                                      Rank rank, int ranks,
                                                                      const CudaDevice& device,
                                                                      const Options& options);
  ~NcclCommunicator() override;
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  [[nodiscard]] Status exchange(StreamId stream, std::span<const Message> messages) override;
  [[nodiscard]] Status all_gather(StreamId stream, std::span<const Share> shares) override;
  [[nodiscard]] Status reduce_scatter(StreamId stream, std::span<const Share> shares) override;
  /// Registers it, where NCCL can use that; NCCL_LOCAL_REGISTER=0 in the environment forbids it.
  [[nodiscard]] Status adopt(std::byte* data, std::int64_t bytes) override;
  [[nodiscard]] Status poll() override;
  void abort() override;

 private:
  NcclCommunicator(const CudaDevice& device, const Options& options)
      : device_(device), options_(options) {}
  /// Puts calls on a stream as one group.
  template <typename Calls>
  [[nodiscard]] Status group(Calls calls);
  /// Calls of a communicator that does not block are under way until NCCL says how they ended.
  [[nodiscard]] Status settle(const char* call);

  const CudaDevice& device_;
  Options options_;
  /// Held during every call of the communicator, which do not block: one that is aborted is gone.
  std::mutex mutex_;
  void* communicator_ = nullptr;  ///< none once aborted
};

}  // namespace hsap::device
