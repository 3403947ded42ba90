#include "validate/measure/measure.hpp"

#include <algorithm>

namespace hsap::measure {
namespace {

constexpr Repeats of_attention{0.15, 3, 50};
constexpr Repeats of_copies{0.05, 5, 50};
/// Attention cases between two copies: both kinds have had their first ones when the time is short.
constexpr std::size_t attention_per_copy = 4;

class DeviceSession {
 public:
  DeviceSession(device::Device& device, const Machine& machine, const Options& options)
      : device_(device), options_(options), begin_s_(options.clock()) {
    measured_.machine = machine;
  }

  Result<Measured> run() {
    const device::StreamId stream = device_.make_stream(Stream::compute);
    const std::int64_t most = measured_.machine.memory_bytes / 5 * 2;
    HSAP_TRY(workspace_, Workspace::make(device_, stream, std::min(options_.workspace_bytes, most),
                                         measured_.machine.cache_bytes));
    HSAP_TRY(watch_, Stopwatch::make(device_, stream, *workspace_));
    const std::vector<AttentionCase> attention = attention_cases();
    const std::vector<CopyCase> copies = copy_cases();
    total_ = attention.size() + copies.size() + 1;
    options_.progress("host", 0, total_);
    HSAP_TRY(measured_.host, measure_host(device_, *watch_, *workspace_, options_.clock));
    ++done_;
    const Status ended = time_all(attention, copies);
    if (!ended) measured_.failure = ended.error();
    measured_.seconds = elapsed();
    return std::move(measured_);
  }

 private:
  [[nodiscard]] double elapsed() const { return options_.clock() - begin_s_; }

  Status time_all(const std::vector<AttentionCase>& attention,
                  const std::vector<CopyCase>& copies) {
    auto copy = copies.begin();
    for (std::size_t i = 0; i < attention.size(); ++i) {
      HSAP_CHECK(time(attention[i]));
      const bool turn = i % attention_per_copy == attention_per_copy - 1;
      if (turn && copy != copies.end()) HSAP_CHECK(time(*copy++));
    }
    while (copy != copies.end()) HSAP_CHECK(time(*copy++));
    return {};
  }

  Status time(const AttentionCase& of) {
    // Warming up takes as long as the calls that count.
    double& rate = flop_per_s_[of.pass == Pass::forward ? 0 : 1];
    const double expected_s = rate > 0 ? (2 + of_attention.least) * of.flop() / rate : 0;
    HSAP_TRY(const bool timed, time(of, of_attention, expected_s, measured_.attention));
    if (timed) rate = std::max(rate, of.flop() / measured_.attention.back().sample.seconds);
    return {};
  }

  Status time(const CopyCase& of) {
    HSAP_CHECK(time(of, of_copies, 0, measured_.copies));
    return {};
  }

  /// Whether there was time and room for it.
  template <typename Case>
  Result<bool> time(const Case& of, const Repeats& repeats, double expected_s,
                    std::vector<Timed<Case>>& into) {
    options_.progress(of.text(), done_++, total_);
    const double elapsed_s = elapsed();
    if (elapsed_s >= options_.budget_s || elapsed_s + expected_s > options_.budget_s) {
      measured_.skipped.push_back({of.text(), Skipped::Want::time});
      return false;
    }
    HSAP_TRY(const auto sets, prepare(device_, *workspace_, of, repeats.most));
    if (sets.empty()) {
      measured_.skipped.push_back({of.text(), Skipped::Want::memory});
      return false;
    }
    HSAP_TRY(const Sample sample, watch_->sample(sets, repeats));
    into.push_back({of, sample});
    return true;
  }

  device::Device& device_;
  const Options& options_;
  double begin_s_;
  Measured measured_;
  std::optional<Workspace> workspace_;
  std::optional<Stopwatch> watch_;
  double flop_per_s_[2] = {};  ///< the best so far, by pass
  std::size_t done_ = 0;
  std::size_t total_ = 0;
};

}  // namespace

Result<Measured> measure_device(device::Device& device, const Machine& machine,
                                const Options& options) {
  return DeviceSession(device, machine, options).run();
}

}  // namespace hsap::measure
