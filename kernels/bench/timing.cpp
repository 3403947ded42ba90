#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <stdexcept>

#include "kernels/bench/bench.hpp"
#include "kernels/bench/sample.hpp"
#include "kernels/primitive/bfloat16.hpp"

namespace hsap::bench {

using kernels::DeviceMemory;
using kernels::require_cuda;

namespace {

/// Issuing a call of several launches with its events takes the host less.
constexpr double host_call_s = 50e-6;
/// Of longer calls the host is ahead by itself.
constexpr double short_call_s = 300e-6;
constexpr std::size_t filler_bytes = std::size_t{1} << 28;
/// The device's queue holds a thousand launches and more, and must have room for the calls.
constexpr double most_fillers = 200;

class Event {
 public:
  Event() { require_cuda(cudaEventCreate(&event_), "cudaEventCreate"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record() { require_cuda(cudaEventRecord(event_), "cudaEventRecord"); }
  [[nodiscard]] double seconds_since(const Event& other) const {
    float milliseconds = 0;
    require_cuda(cudaEventElapsedTime(&milliseconds, other.event_, event_), "a kernel failed");
    return milliseconds * 1e-3;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

void require(const Status& status) {
  if (!status) throw std::runtime_error(status.error().text());
}

/// Seconds of `count` calls, each.
std::vector<double> time_each(const std::function<Status(int set)>& call, int sets, int count) {
  std::vector<Event> begins(static_cast<std::size_t>(count));
  std::vector<Event> ends(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    begins[static_cast<std::size_t>(i)].record();
    require(call(i % sets));
    ends[static_cast<std::size_t>(i)].record();
  }
  require_cuda(cudaDeviceSynchronize(), "a kernel failed");
  std::vector<double> seconds;
  for (std::size_t i = 0; i < begins.size(); ++i) {
    seconds.push_back(ends[i].seconds_since(begins[i]));
  }
  return seconds;
}

}  // namespace

Setup::Setup(const kernels::Device& on)
    : device(on), filler_from_(filler_bytes), filler_to_(filler_bytes) {
  int index = 0;
  int cache = 0;
  require_cuda(cudaGetDevice(&index), "cudaGetDevice");
  require_cuda(cudaDeviceGetAttribute(&cache, cudaDevAttrL2CacheSize, index), "cache size");
  cache_bytes_ = cache;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  numbers_.resize(1 << 22);
  for (std::uint16_t& number : numbers_) number = gpu::to_bfloat16(normal(random)).bits;
  const auto copy = [this](int) -> Status {
    copy_filler();
    return {};
  };
  filler_s_ = sample_of(time_each(copy, 1, 5)).seconds;
}

void Setup::copy_filler() const {
  require_cuda(cudaMemcpyAsync(filler_to_.data(), filler_from_.data(), filler_from_.bytes(),
                               cudaMemcpyDeviceToDevice),
               "cudaMemcpyAsync");
}

void Setup::keep_busy(int calls) const {
  const double fillers = std::min(std::ceil(calls * host_call_s / filler_s_), most_fillers);
  for (int i = 0; i < fillers; ++i) copy_filler();
}

int Setup::sets_for(std::int64_t bytes_of_set) const {
  return bench::sets_for(bytes_of_set, cache_bytes_);
}

bool Setup::fits(std::int64_t bytes_of_set) const {
  return sets_for(bytes_of_set) * bytes_of_set < device.memory_bytes / 10 * 8;
}

DeviceMemory Setup::random(std::int64_t bytes) const {
  DeviceMemory memory(static_cast<std::size_t>(bytes));
  std::size_t done = std::min(memory.bytes(), numbers_.size() * sizeof numbers_[0]);
  memory.write(numbers_.data(), done);
  auto* begin = static_cast<std::byte*>(memory.data());
  while (done < memory.bytes()) {
    const std::size_t more = std::min(done, memory.bytes() - done);
    require_cuda(cudaMemcpy(begin + done, begin, more, cudaMemcpyDeviceToDevice), "cudaMemcpy");
    done += more;
  }
  return memory;
}

double time(const Setup& setup, const std::function<Status(int set)>& call, int sets) {
  const auto time_calls = [&](int count, double expected_s) {
    if (expected_s > 0 && expected_s < short_call_s) setup.keep_busy(count);
    return time_each(call, sets, count);
  };
  return sample(time_calls)->seconds;
}

double copy_bandwidth(const Setup& setup) {
  constexpr std::int64_t bytes = std::int64_t{1} << 29;
  const DeviceMemory from = setup.random(bytes);
  const DeviceMemory to(from.bytes());
  const double seconds = time(
      setup,
      [&](int) -> Status {
        require_cuda(
            cudaMemcpyAsync(to.data(), from.data(), from.bytes(), cudaMemcpyDeviceToDevice),
            "cudaMemcpyAsync");
        return {};
      },
      1);
  return 2.0 * static_cast<double>(bytes) / seconds;
}

}  // namespace hsap::bench
