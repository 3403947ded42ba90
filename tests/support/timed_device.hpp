#pragma once

#include <algorithm>
#include <bit>
#include <set>
#include <vector>

#include "hsap/cost.hpp"
#include "support/synthetic.hpp"
#include "validate/device/device.hpp"
#include "validate/measure/machine.hpp"

namespace hsap::test {

/// What a TimedDevice costs beside its kernels.
struct HostTruth {
  double launch_s = 4e-6;       ///< host time of a launch
  double event_s = 0.5e-6;      ///< host time to record an event or to let a stream wait
  double stream_wait_s = 6e-6;  ///< from an event to a stream that waits for it
};

/// What a message and kernels beside it take from each other.
struct BesideTruth {
  double taken_share = 0;    ///< of the kernels' speed
  double overlap_share = 1;  ///< that the message keeps of its own
  /// A message that began less than this before an attention kernel has found no room, and moves
  /// when the kernel has ended.
  double gets_in_s = 0;
};

/// A device without memory or kernels: a clock of its own says when host and streams are where, by
/// the cost model of `truth`, with noise, slow first calls, and calls that are too fast when they
/// find their operands in the cache.
class TimedDevice : public device::Device {
 public:
  TimedDevice(hsap::Device truth, const support::Measurer& noise, HostTruth host = {},
              BesideTruth beside = {})
      : truth_(std::move(truth)), noise_(noise), host_(host), beside_(beside) {}

  [[nodiscard]] double now() const { return host_now_; }
  [[nodiscard]] measure::Machine machine() const {
    return {truth_.name,
            truth_.multiprocessors,
            static_cast<std::int64_t>(truth_.memory_bytes),
            cache_bytes,
            {}};
  }
  static constexpr std::int64_t cache_bytes = std::int64_t{50} << 20;

  Result<std::byte*> allocate(std::int64_t bytes) override {
    if (static_cast<double>(allocated_ + bytes) > truth_.memory_bytes) {
      return infeasible("out of memory");
    }
    allocated_ += (bytes + 1023) / 1024 * 1024;
    // Addresses that nothing may follow.
    return std::bit_cast<std::byte*>((std::int64_t{1} << 46) + allocated_ - bytes);
  }
  [[nodiscard]] std::int64_t allocated_bytes() const override { return allocated_; }
  [[nodiscard]] Result<std::int64_t> used_bytes() const override { return allocated_; }
  [[nodiscard]] Result<Setup> setup() const override { return Setup{{"device", truth_.name}}; }
  Status write(std::byte*, std::span<const std::byte>) override { return synchronize(); }
  Status read(std::span<std::byte>, const std::byte*) override { return synchronize(); }
  device::StreamId make_stream(Stream) override {
    streams_.push_back(0);
    return static_cast<device::StreamId>(streams_.size()) - 1;
  }
  device::EventId make_event() override {
    events_.push_back(0);
    return static_cast<device::EventId>(events_.size()) - 1;
  }
  Status record(device::EventId event, device::StreamId stream) override {
    host_now_ += host_.event_s;
    at(event) = free(stream) = std::max(free(stream), host_now_);
    return {};
  }
  Status record_time(device::EventId event, device::StreamId stream) override {
    return record(event, stream);
  }
  Status wait(device::StreamId stream, device::EventId event) override {
    host_now_ += host_.event_s;
    free(stream) = std::max(free(stream), at(event) + host_.stream_wait_s);
    return {};
  }
  Status synchronize() override {
    for (const double busy_until : streams_) host_now_ = std::max(host_now_, busy_until);
    return {};
  }
  Result<double> seconds_between(device::EventId begin, device::EventId end) override {
    return at(end) - at(begin);
  }

  Status begin_capture(device::StreamId) override { return infeasible("no graphs"); }
  Result<device::Launch> end_capture(device::StreamId) override { return infeasible("no graphs"); }

  Result<device::Launch> prepare(const device::Attend& call) override {
    return attention(call.slices, call.heads, Pass::forward, {call.q, call.k, call.v, call.o});
  }
  Result<device::Launch> prepare(const device::AttendBackward& call) override {
    return attention(call.slices, call.heads, Pass::backward,
                     {call.q, call.k, call.v, call.dout, call.dq, call.dk, call.dv});
  }
  Result<device::Launch> prepare(const device::Delta& call) override {
    return rows({call.o, call.dout, call.delta}, 0, call.delta.rows);
  }
  Result<device::Launch> prepare(const device::Merge& call) override {
    return rows({call.part_o, call.part_lse, call.o, call.lse, call.o, call.lse}, 2,
                call.part_o.rows);
  }
  Result<device::Launch> prepare(const device::Move& call) override {
    std::vector<device::Array> arrays{call.from, call.to};
    if (call.add) arrays.push_back(call.to);
    std::int64_t count = 0;
    for (const device::RowPair& pair : call.rows) count += pair.count;
    return rows(arrays, 1, count);
  }

  /// A stream is taken until then, by whoever else works on the device.
  double& free(device::StreamId stream) { return streams_[static_cast<std::size_t>(stream)]; }
  /// A message takes the stream, for longer when kernels come beside it.
  void send(device::StreamId stream, double ready_s, double seconds) {
    sending_ = stream;
    sending_since_s_ = ready_s;
    free(stream) = ready_s + seconds;
  }
  /// The host issues something.
  double issue(double seconds) { return host_now_ += seconds; }
  [[nodiscard]] const hsap::Device& truth() const { return truth_; }
  double noisy(double seconds) { return noise_(seconds); }

 private:
  using Arrays = std::vector<device::Array>;

  double& at(device::EventId event) { return events_[static_cast<std::size_t>(event)]; }

  device::Launch attention(const std::vector<Slice>& slices, const device::HeadPlace& heads,
                           Pass pass, const Arrays& arrays) {
    std::int64_t bytes = 0;
    for (const device::Array& array : arrays) bytes += array.rows * array.row_bytes();
    const double seconds =
        attention_seconds(slices, heads.query.size(), heads.model.dim, pass, truth_);
    const int name = heads.model.dim + static_cast<int>(pass);
    return kernel(name, seconds, arrays.front().data, bytes, true);
  }

  /// Arrays once for each time that they are read or written.
  device::Launch rows(const Arrays& arrays, std::size_t named_by, std::int64_t count) {
    double bytes = 0;
    for (const device::Array& array : arrays) bytes += double(count * array.row_bytes());
    return kernel(static_cast<int>(arrays.size()),
                  truth_.kernel_launch_s + bytes / truth_.memory_bandwidth_bytes_per_s,
                  arrays[named_by].data, static_cast<std::int64_t>(bytes), false);
  }

  /// The first call of each name loads its code.
  device::Launch kernel(int name, double seconds, const std::byte* operand, std::int64_t bytes,
                        bool fills) {
    return [=, this](device::StreamId stream) -> Status {
      const double ready_s = std::max(free(stream), issue(host_.launch_s));
      // A kernel that touches more than the cache holds leaves nothing of its own there.
      const bool cached = touched_bytes_ + bytes - last_touch(operand) < cache_bytes;
      const double loading_s = loaded_.insert(name).second ? 2e-3 : 0;
      free(stream) =
          end_beside_message(ready_s, noise_(seconds) * (cached ? 0.67 : 1) + loading_s, fills);
      touched_bytes_ += bytes;
      touches_.emplace_back(operand, touched_bytes_);
      return {};
    };
  }

  /// When a kernel ends that would take so long alone. Until now the message was to end as if
  /// nothing came beside it any more.
  double end_beside_message(double begin_s, double seconds, bool fills) {
    const double message_s = sending_ < 0 ? 0 : free(sending_) - begin_s;
    if (message_s <= 0) return begin_s + seconds;
    if (fills && begin_s - sending_since_s_ < beside_.gets_in_s) {
      free(sending_) += seconds;
      sending_since_s_ += seconds;
      return begin_s + seconds;
    }
    const double kernel_speed = 1 - beside_.taken_share;
    const double both_s = std::min(message_s / beside_.overlap_share, seconds / kernel_speed);
    free(sending_) += both_s * (1 - beside_.overlap_share);
    return begin_s + seconds + both_s * beside_.taken_share;
  }

  /// Bytes that all kernels had touched when the last one with that operand ended.
  [[nodiscard]] std::int64_t last_touch(const std::byte* operand) const {
    const auto last = std::find_if(touches_.rbegin(), touches_.rend(),
                                   [&](const auto& touch) { return touch.first == operand; });
    return last == touches_.rend() ? -cache_bytes : last->second;
  }

  hsap::Device truth_;
  support::Measurer noise_;
  HostTruth host_;
  BesideTruth beside_;
  device::StreamId sending_ = -1;
  double sending_since_s_ = 0;
  double host_now_ = 0;
  std::int64_t allocated_ = 0;
  std::set<int> loaded_;
  std::vector<double> streams_;
  std::vector<double> events_;
  std::int64_t touched_bytes_ = 0;
  std::vector<std::pair<const std::byte*, std::int64_t>> touches_;
};

}  // namespace hsap::test
