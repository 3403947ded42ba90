#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hsap/kernels.hpp"
#include "validate/device/device.hpp"

namespace hsap::device {

/// A GPU of this machine, with the kernels of this project.
class CudaDevice : public Device {
 public:
  struct Options {
    int number = 0;    ///< of the GPU; becomes the current one of this thread
    int max_sms = 0;   ///< for kernels; 0: all
    int kept_sms = 0;  ///< of all, not for kernels; means nothing beside max_sms
    /// Messages go before kernels where both are ready.
    bool urgent_communication = false;
  };

  /// GPUs of this machine, at least one. The first call of a process that has to do with CUDA: asks
  /// for as many queues of work as there are. Errors (infeasible): no driver, no GPU.
  [[nodiscard]] static Result<int> count();
  /// Where a GPU sits in this machine, "GPU 0000:1B:00.0": its number says nothing to a process
  /// that was given others.
  [[nodiscard]] static Result<std::string> address(int number);
  /// Errors (infeasible): no driver, no GPU, or one that the kernels do not run on.
  [[nodiscard]] static Result<std::unique_ptr<CudaDevice>> make(const Options& options);
  ~CudaDevice() override;
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  /// Zeros: kernels may read rows beside those of a slice, which must be finite.
  [[nodiscard]] Result<std::byte*> allocate(std::int64_t bytes) override;
  [[nodiscard]] std::int64_t allocated_bytes() const override { return allocated_bytes_; }
  [[nodiscard]] Result<std::int64_t> used_bytes() const override;
  [[nodiscard]] Result<Setup> setup() const override;
  [[nodiscard]] Status write(std::byte* to, std::span<const std::byte> from) override;
  [[nodiscard]] Status read(std::span<std::byte> to, const std::byte* from) override;
  [[nodiscard]] StreamId make_stream(Stream role) override;
  [[nodiscard]] EventId make_event() override;
  [[nodiscard]] Status record(EventId event, StreamId stream) override;
  [[nodiscard]] Status wait(StreamId stream, EventId event) override;
  [[nodiscard]] Status record_time(EventId event, StreamId stream) override;
  [[nodiscard]] Status synchronize() override;
  [[nodiscard]] Result<double> seconds_between(EventId begin, EventId end) override;
  [[nodiscard]] Status begin_capture(StreamId stream) override;
  /// Kernels of the graph have the priority of the stream that they were captured on.
  [[nodiscard]] Result<Launch> end_capture(StreamId stream) override;
  /// Kernels take bf16 inputs, heads of 64 or 128 numbers.
  [[nodiscard]] Result<Launch> prepare(const Attend& call) override;
  [[nodiscard]] Result<Launch> prepare(const AttendBackward& call) override;
  [[nodiscard]] Result<Launch> prepare(const Delta& call) override;
  [[nodiscard]] Result<Launch> prepare(const Merge& call) override;
  [[nodiscard]] Result<Launch> prepare(const Move& call) override;

  [[nodiscard]] kernels::CudaStream cuda_stream(StreamId stream) const;
  [[nodiscard]] const kernels::Device& hardware() const { return hardware_; }
  /// Multiprocessors that kernels take at most.
  [[nodiscard]] int sms_of_kernels() const;

 protected:
  /// Makes the GPU of the options current. Errors: those of make().
  [[nodiscard]] static Result<kernels::Device> select(const Options& options);
  CudaDevice(kernels::Device hardware, const Options& options);
  /// Fills fresh memory with zeros and counts it.
  [[nodiscard]] Status begin_use(void* memory, std::int64_t bytes);

 private:
  /// A plan of a kernel with its lists and workspace in device memory.
  struct PlacedPlan {
    kernels::AttentionPlan plan;
    std::byte* bytes = nullptr;
    std::byte* workspace = nullptr;

    [[nodiscard]] kernels::PlanOnDevice on_device() const { return {plan, bytes, workspace}; }
  };

  [[nodiscard]] Result<std::byte*> upload(std::span<const std::byte> bytes);
  [[nodiscard]] Result<std::shared_ptr<PlacedPlan>> place(kernels::AttentionPlan plan);
  [[nodiscard]] Result<kernels::RowMap> upload_rows(const std::vector<RowPair>& rows);
  [[nodiscard]] kernels::Launch launch(StreamId stream) const;

  kernels::Device hardware_;
  Options options_;
  std::vector<void*> memory_;
  std::vector<void*> streams_;
  std::vector<void*> events_;
  std::int64_t allocated_bytes_ = 0;
  bool captures_ = false;
};

}  // namespace hsap::device
