#pragma once

#include <span>
#include <vector>

#include "kernels/bench/sample.hpp"
#include "validate/device/device.hpp"
#include "validate/measure/workspace.hpp"

namespace hsap::measure {

using bench::Repeats;
using bench::Sample;

/// Times work on one stream of a device by its events.
class Stopwatch {
 public:
  /// Errors: those of the device.
  [[nodiscard]] static Result<Stopwatch> make(device::Device& device, device::StreamId stream,
                                              const Workspace& workspace);

  /// Times a call; each of `sets` is the call on other operands, and they take turns.
  [[nodiscard]] Result<Sample> sample(std::span<const device::Launch> sets, const Repeats& repeats);
  /// Seconds of each of `count` calls. Those that are expected to be short are issued while the
  /// device is kept busy: otherwise it would wait for the host between the events of a call.
  [[nodiscard]] Result<std::vector<double>> times(std::span<const device::Launch> sets, int count,
                                                  double expected_s);
  /// Keeps the device busy for as long as the host may take to issue so many calls; each takes
  /// `call_s`, where that is more than a kernel with its events does.
  [[nodiscard]] Status keep_busy(int calls, double call_s = 0);

  [[nodiscard]] device::StreamId stream() const { return stream_; }

 private:
  Stopwatch(device::Device& device, device::StreamId stream) : device_(&device), stream_(stream) {}
  [[nodiscard]] Result<std::vector<double>> time_each(std::span<const device::Launch> sets,
                                                      int count);

  device::Device* device_;
  device::StreamId stream_;
  std::vector<device::EventId> begins_;
  std::vector<device::EventId> ends_;
  device::Launch filler_;
  double filler_s_ = 0;
};

/// Makes a call ready on as many sets of operands as it takes. `lay_out` gives the call its arrays:
/// device::Attend lay_out(Operands&). Nothing where one set does not fit into the workspace.
template <typename LayOut>
[[nodiscard]] Result<std::vector<device::Launch>> prepare_sets(device::Device& device,
                                                               const Workspace& workspace,
                                                               const LayOut& lay_out, int most) {
  Operands counting;
  static_cast<void>(lay_out(counting));
  const Footprint of_set = counting.used();
  const int sets = std::min(workspace.sets(of_set), most);
  std::vector<device::Launch> launches;
  for (int i = 0; i < sets; ++i) {
    Operands operands = workspace.set(i, of_set);
    HSAP_TRY(device::Launch launch, device.prepare(lay_out(operands)));
    launches.push_back(std::move(launch));
  }
  return launches;
}

}  // namespace hsap::measure
