#include "validate/measure/stopwatch.hpp"

#include <algorithm>
#include <cmath>

namespace hsap::measure {
namespace {

/// Issuing a call with its events takes the host less.
constexpr double host_call_s = 30e-6;
/// Of longer calls the host is ahead by itself.
constexpr double short_call_s = 200e-6;
/// Queues of a device hold a thousand launches and more; the filler must leave room.
constexpr int most_fillers = 300;
constexpr std::int64_t most_filler_rows = 1 << 18;  // 64 MB

}  // namespace

Result<Stopwatch> Stopwatch::make(device::Device& device, device::StreamId stream,
                                  const Workspace& workspace) {
  Stopwatch watch(device, stream);
  const std::int64_t filler_rows = std::min(most_filler_rows, workspace.half_bytes() / 256);
  const auto lay_out = [filler_rows](Operands& on) {
    const device::Array from = on.read(Dtype::bf16, filler_rows, 1, 128);
    return device::Move{
        from, on.written(Dtype::bf16, filler_rows, 1, 128), {{0, 0, filler_rows}}, false};
  };
  HSAP_TRY(const auto fillers, prepare_sets(device, workspace, lay_out, 1));
  if (fillers.empty()) return infeasible("too little device memory to measure anything");
  HSAP_TRY(const Sample filler, watch.sample(fillers, {0.01, 5, 20}));
  watch.filler_ = fillers.front();
  watch.filler_s_ = filler.seconds;
  return watch;
}

Result<Sample> Stopwatch::sample(std::span<const device::Launch> sets, const Repeats& repeats) {
  return bench::sample([&](int count, double expected_s) { return times(sets, count, expected_s); },
                       repeats);
}

Result<std::vector<double>> Stopwatch::times(std::span<const device::Launch> sets, int count,
                                             double expected_s) {
  if (expected_s > 0 && expected_s < short_call_s) HSAP_CHECK(keep_busy(count));
  return time_each(sets, count);
}

Status Stopwatch::keep_busy(int calls, double call_s) {
  if (filler_s_ <= 0) return {};
  const double fillers = std::ceil(calls * std::max(call_s, host_call_s) / filler_s_);
  for (int i = 0; i < std::min<double>(fillers, most_fillers); ++i) HSAP_CHECK(filler_(stream_));
  return {};
}

Result<std::vector<double>> Stopwatch::time_each(std::span<const device::Launch> sets, int count) {
  while (static_cast<int>(begins_.size()) < count) {
    begins_.push_back(device_->make_event());
    ends_.push_back(device_->make_event());
  }
  const auto calls = static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < calls; ++i) {
    HSAP_CHECK(device_->record(begins_[i], stream_));
    HSAP_CHECK(sets[i % sets.size()](stream_));
    HSAP_CHECK(device_->record(ends_[i], stream_));
  }
  HSAP_CHECK(device_->synchronize());
  std::vector<double> seconds;
  for (std::size_t i = 0; i < calls; ++i) {
    HSAP_TRY(const double taken, device_->seconds_between(begins_[i], ends_[i]));
    seconds.push_back(taken);
  }
  return seconds;
}

}  // namespace hsap::measure
