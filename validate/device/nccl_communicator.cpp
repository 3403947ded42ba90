#include "validate/device/nccl_communicator.hpp"

#include <fmt/format.h>
#include <nccl.h>

#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

namespace hsap::device {
namespace {

/// So long NCCL is asked without a pause: a group is mostly on its stream sooner than a sleep ends.
constexpr double eager_s = 1e-3;

Status check(ncclResult_t result, const char* call) {
  if (result == ncclSuccess || result == ncclInProgress) return {};
  return infeasible(
      fmt::format("{}: {} ({})", call, ncclGetErrorString(result), ncclGetLastError(nullptr)));
}

Result<ncclComm_t> as_nccl(void* communicator) {
  if (communicator == nullptr) return infeasible("the run was aborted");
  return static_cast<ncclComm_t>(communicator);
}

}  // namespace

Result<std::string> NcclCommunicator::version() {
  int number = 0;
  HSAP_CHECK(check(ncclGetVersion(&number), "ncclGetVersion"));
  return fmt::format("{}.{}.{}", number / 10'000, number % 10'000 / 100, number % 100);
}

Result<std::vector<std::byte>> NcclCommunicator::make_id() {
  ncclUniqueId id;
  HSAP_CHECK(check(ncclGetUniqueId(&id), "ncclGetUniqueId"));
  std::vector<std::byte> bytes(sizeof id);
  std::memcpy(bytes.data(), &id, sizeof id);
  return bytes;
}

Result<std::unique_ptr<NcclCommunicator>> NcclCommunicator::make(std::span<const std::byte> id,
                                                                 Rank rank, int ranks,
                                                                 const CudaDevice& device,
                                                                 const Options& options) {
  ncclUniqueId named;
  if (id.size() != sizeof named) return internal_error("an NCCL id of another length");
  std::memcpy(&named, id.data(), sizeof named);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  // From Hopper on NCCL starts its blocks in clusters of 4, which need as many multiprocessors in
  // one part of the GPU; those that kernels leave free lie anywhere.
  config.cgaClusterSize = 1;
  if (options.max_ctas > 0) config.maxCTAs = options.max_ctas;
  std::unique_ptr<NcclCommunicator> made(new NcclCommunicator(device, options));
  ncclComm_t communicator = nullptr;
  HSAP_CHECK(check(ncclCommInitRankConfig(&communicator, ranks, named, rank, &config),
                   "ncclCommInitRankConfig"));
  made->communicator_ = communicator;
  HSAP_CHECK(made->settle("ncclCommInitRankConfig"));
  return made;
}

NcclCommunicator::~NcclCommunicator() { abort(); }

Status NcclCommunicator::settle(const char* call) {
  const auto begin = std::chrono::steady_clock::now();
  ncclResult_t state = ncclInProgress;
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      HSAP_TRY(const ncclComm_t communicator, as_nccl(communicator_));
      HSAP_CHECK(check(ncclCommGetAsyncError(communicator, &state), call));
    }
    if (state != ncclInProgress) return check(state, call);
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - begin;
    if (waited.count() > options_.patience_s) {
      return infeasible(
          fmt::format("{}: not all ranks came within {} s", call, options_.patience_s));
    }
    if (waited.count() < eager_s) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  }
}

template <typename Calls>
Status NcclCommunicator::group(Calls calls) {
  {
    const std::lock_guard lock(mutex_);
    HSAP_TRY(const ncclComm_t communicator, as_nccl(communicator_));
    HSAP_CHECK(check(ncclGroupStart(), "ncclGroupStart"));
    Status put = calls(communicator);
    // A group that was begun must end, also when a call in it failed.
    const ncclResult_t ended = ncclGroupEnd();
    if (!put) return put;
    HSAP_CHECK(check(ended, "ncclGroupEnd"));
  }
  return settle("ncclGroupEnd");
}

Status NcclCommunicator::exchange(StreamId stream, std::span<const Message> messages) {
  const auto on = static_cast<cudaStream_t>(device_.cuda_stream(stream));
  return group([&](ncclComm_t communicator) -> Status {
    for (const Message& message : messages) {
      const auto bytes = static_cast<std::size_t>(message.bytes);
      HSAP_CHECK(
          message.is_send
              ? check(ncclSend(message.data, bytes, ncclUint8, message.peer, communicator, on),
                      "ncclSend")
              : check(ncclRecv(message.data, bytes, ncclUint8, message.peer, communicator, on),
                      "ncclRecv"));
    }
    return {};
  });
}

Status NcclCommunicator::all_gather(StreamId stream, std::span<const Share> shares) {
  const auto on = static_cast<cudaStream_t>(device_.cuda_stream(stream));
  return group([&](ncclComm_t communicator) -> Status {
    for (const Share& share : shares) {
      HSAP_CHECK(check(ncclAllGather(share.from, share.to, static_cast<std::size_t>(share.bytes()),
                                     ncclUint8, communicator, on),
                       "ncclAllGather"));
    }
    return {};
  });
}

Status NcclCommunicator::reduce_scatter(StreamId stream, std::span<const Share> shares) {
  const auto on = static_cast<cudaStream_t>(device_.cuda_stream(stream));
  return group([&](ncclComm_t communicator) -> Status {
    for (const Share& share : shares) {
      const ncclDataType_t type = share.dtype == Dtype::bf16 ? ncclBfloat16 : ncclFloat32;
      HSAP_CHECK(
          check(ncclReduceScatter(share.from, share.to, static_cast<std::size_t>(share.numbers),
                                  type, ncclSum, communicator, on),
                "ncclReduceScatter"));
    }
    return {};
  });
}

Status NcclCommunicator::adopt(std::byte* data, std::int64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    HSAP_TRY(const ncclComm_t communicator, as_nccl(communicator_));
    void* handle = nullptr;  // goes with the communicator
    HSAP_CHECK(check(ncclCommRegister(communicator, data, static_cast<std::size_t>(bytes), &handle),
                     "ncclCommRegister"));
  }
  return settle("ncclCommRegister");
}

Status NcclCommunicator::poll() {
  const std::lock_guard lock(mutex_);
  HSAP_TRY(const ncclComm_t communicator, as_nccl(communicator_));
  ncclResult_t state = ncclSuccess;
  HSAP_CHECK(check(ncclCommGetAsyncError(communicator, &state), "ncclCommGetAsyncError"));
  return check(state, "NCCL");
}

void NcclCommunicator::abort() {
  void* communicator = nullptr;
  {
    const std::lock_guard lock(mutex_);
    communicator = std::exchange(communicator_, nullptr);
  }
  if (communicator != nullptr) ncclCommAbort(static_cast<ncclComm_t>(communicator));
}

}  // namespace hsap::device
