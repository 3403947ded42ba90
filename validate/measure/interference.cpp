#include "validate/measure/interference.hpp"

#include <algorithm>
#include <cmath>

#include "validate/measure/numbers.hpp"

namespace hsap::measure {
namespace {

constexpr std::int64_t message_bytes = std::int64_t{64} << 20;
constexpr std::int64_t small_message_bytes = std::int64_t{64} << 10;
/// Of each half of the workspace: operands of the kernel.
constexpr std::int64_t operand_bytes = std::int64_t{256} << 20;
/// Kernels go on after the message has come, also where it moves slowly.
constexpr double beyond_message = 4;
constexpr int most_kernels = 64;
constexpr Repeats kernel_repeats{0.1, 5, 30};
/// Transfers of the exchanges whose issue is timed.
constexpr int few_transfers = 2;
constexpr int many_transfers = 16;
constexpr int issued_exchanges = 20;

/// The ranks that send to each other, in order.
std::vector<Rank> ring_of(const std::vector<int>& nodes) {
  std::vector<Rank> inside;
  std::vector<Rank> all;
  for (std::size_t rank = 0; rank < nodes.size(); ++rank) {
    all.push_back(static_cast<Rank>(rank));
    if (nodes[rank] == nodes[0]) inside.push_back(static_cast<Rank>(rank));
  }
  return inside.size() > 1 ? inside : all;
}

class InterferenceSession {
 public:
  InterferenceSession(const Peer& peer, const Options& options)
      : peer_(peer), options_(options), ring_(ring_of(peer.nodes)) {
    const auto own = std::find(ring_.begin(), ring_.end(), peer.world.rank());
    if (own == ring_.end()) return;
    const auto place = static_cast<std::size_t>(own - ring_.begin());
    next_ = ring_[(place + 1) % ring_.size()];
    previous_ = ring_[(place + ring_.size() - 1) % ring_.size()];
  }

  Result<std::optional<Interference>> run() {
    if (ring_.size() < 2) return std::optional<Interference>();
    HSAP_CHECK(peer_.world.agree(prepare()));
    std::vector<double> alone;
    if (peer_.world.rank() == 0) {
      HSAP_TRY(const Sample sample, watch_->sample(kernels_, kernel_repeats));
      alone.push_back(sample.seconds);
    }
    HSAP_CHECK(peer_.world.barrier());
    HSAP_TRY(const Sample together, watch_->sample(kernels_, kernel_repeats));
    HSAP_TRY(const auto slowest, gather_numbers(peer_.world, {together.seconds}));
    HSAP_TRY(const std::vector<double> own, measure_ring(together.seconds));
    HSAP_TRY(const auto all, gather_numbers(peer_.world, own));
    if (peer_.world.rank() != 0) return std::optional<Interference>();
    Interference found;
    const double most = std::max_element(slowest.begin(), slowest.end())->front();
    found.kernel_slowdown = std::max(0.0, most / alone.front() - 1);
    const auto middle = [&](std::size_t number) {
      std::vector<double> values;
      for (const Rank rank : ring_) values.push_back(all[static_cast<std::size_t>(rank)][number]);
      return median(std::move(values));
    };
    found.taken_share = middle(0);
    found.overlap_share = middle(1);
    found.host_exchange_s = middle(2);
    found.host_transfer_s = middle(3);
    return std::optional<Interference>(found);
  }

 private:
  struct Beside {
    double message_s = 0;
    double kernels_s = 0;
  };

  Status prepare() {
    compute_ = peer_.device.make_stream(Stream::compute);
    communication_ = peer_.device.make_stream(Stream::keys);
    HSAP_TRY(workspace_, Workspace::make(peer_.device, compute_,
                                         std::min(operand_bytes, options_.workspace_bytes), 0));
    HSAP_TRY(watch_, Stopwatch::make(peer_.device, compute_, *workspace_));
    const Token tokens = options_.kernel_tokens;
    const AttentionCase kernel{tokens, tokens, 0, {32, 8, 128}, true, Pass::forward};
    HSAP_TRY(kernels_, measure::prepare(peer_.device, *workspace_, kernel, 1));
    const auto lay_out = [](Operands& on) {
      const device::Array from = on.read(Dtype::bf16, 1, 1, 128);
      return device::Move{from, on.written(Dtype::bf16, 1, 1, 128), {{0, 0, 1}}, false};
    };
    HSAP_TRY(const auto small, prepare_sets(peer_.device, *workspace_, lay_out, 1));
    if (kernels_.empty() || small.empty()) {
      return infeasible("too little device memory to measure anything");
    }
    small_ = small.front();
    bytes_ = std::min(message_bytes, options_.message_bytes);
    HSAP_TRY(out_, peer_.device.allocate_for_messages(bytes_));
    HSAP_TRY(in_, peer_.device.allocate_for_messages(bytes_));
    HSAP_CHECK(peer_.communicator.adopt(out_, bytes_));
    HSAP_CHECK(peer_.communicator.adopt(in_, bytes_));
    for (device::EventId* event :
         {&ready_, &message_begins_, &message_ends_, &kernels_begin_, &kernels_end_}) {
      *event = peer_.device.make_event();
    }
    return {};
  }

  /// Shares of arithmetic and of speed, and host times of an exchange and of a transfer; nothing
  /// where this rank is not in the ring.
  Result<std::vector<double>> measure_ring(double kernel_s) {
    if (next_ < 0) return std::vector<double>();
    HSAP_TRY(const double few_s, issue_seconds(few_transfers));
    HSAP_TRY(const double many_s, issue_seconds(many_transfers));
    const double transfer_s = std::max(0.0, (many_s - few_s) / (many_transfers - few_transfers));
    const auto message = messages(bytes_, few_transfers);
    HSAP_TRY(const Beside message_alone, beside(message, 0, few_s));
    const double wanted = std::ceil(beyond_message * message_alone.message_s / kernel_s);
    const int count = static_cast<int>(std::clamp<double>(wanted, 1, most_kernels));
    HSAP_TRY(const Beside kernels_alone, beside({}, count, few_s));
    HSAP_TRY(const Beside both, beside(message, count, few_s));
    // They slow each other down only while both are there.
    const double both_s = std::min(both.message_s, both.kernels_s);
    const double taken = (both.kernels_s - kernels_alone.kernels_s) / both_s;
    const double kept = (message_alone.message_s - (both.message_s - both_s)) / both_s;
    return std::vector<double>{std::clamp(taken, 0.0, 1.0), std::clamp(kept, 0.0, 1.0),
                               std::max(0.0, few_s - few_transfers * transfer_s), transfer_s};
  }

  [[nodiscard]] std::vector<device::Message> messages(std::int64_t bytes, int transfers) const {
    std::vector<device::Message> all;
    for (int i = 0; i < transfers / 2; ++i) {
      all.push_back({next_, out_, bytes, true});
      all.push_back({previous_, in_ + i * bytes, bytes, false});
    }
    return all;
  }

  /// Of the host, for one exchange.
  Result<double> issue_seconds(int transfers) {
    const auto small = messages(std::min(small_message_bytes, bytes_ / transfers), transfers);
    std::vector<double> seconds;
    for (int i = 0; i <= series; ++i) {
      const double begin_s = options_.clock();
      for (int call = 0; call < issued_exchanges; ++call) {
        HSAP_CHECK(peer_.communicator.exchange(communication_, small));
      }
      const double taken_s = options_.clock() - begin_s;
      HSAP_CHECK(peer_.device.synchronize());
      HSAP_CHECK(peer_.communicator.poll());
      if (i > 0) seconds.push_back(taken_s / issued_exchanges);  // the first one connects
    }
    return median(std::move(seconds));
  }

  /// Seconds of the messages, and of so many kernels that begin with them; the host takes
  /// `exchange_s` to issue an exchange.
  Result<Beside> beside(const std::vector<device::Message>& large, int kernels, double exchange_s) {
    device::Device& device = peer_.device;
    const auto small = messages(std::min(small_message_bytes, bytes_), few_transfers);
    std::vector<double> message_s;
    std::vector<double> kernels_s;
    for (int i = 0; i <= series; ++i) {
      HSAP_CHECK(watch_->keep_busy(kernels + 4));
      HSAP_CHECK(watch_->keep_busy(2, exchange_s));
      HSAP_CHECK(device.record(ready_, compute_));
      HSAP_CHECK(device.wait(communication_, ready_));
      HSAP_CHECK(peer_.communicator.exchange(communication_, small));  // brings the ranks together
      HSAP_CHECK(device.record(message_begins_, communication_));
      if (!large.empty()) HSAP_CHECK(peer_.communicator.exchange(communication_, large));
      // The message is there first, as where room is kept for it: a small kernel comes before the
      // others, which begin when it has ended.
      HSAP_CHECK(device.wait(compute_, message_begins_));
      HSAP_CHECK(small_(compute_));
      HSAP_CHECK(device.record(kernels_begin_, compute_));
      for (int kernel = 0; kernel < kernels; ++kernel) HSAP_CHECK(kernels_.front()(compute_));
      HSAP_CHECK(device.record(kernels_end_, compute_));
      HSAP_CHECK(device.record(message_ends_, communication_));
      HSAP_CHECK(device.synchronize());
      HSAP_CHECK(peer_.communicator.poll());
      if (i == 0) continue;
      HSAP_TRY(const double message, device.seconds_between(message_begins_, message_ends_));
      HSAP_TRY(const double around, device.seconds_between(kernels_begin_, kernels_end_));
      message_s.push_back(message);
      kernels_s.push_back(around);
    }
    return Beside{median(std::move(message_s)), median(std::move(kernels_s))};
  }

  const Peer& peer_;
  const Options& options_;
  std::vector<Rank> ring_;
  Rank next_ = -1;
  Rank previous_ = -1;
  device::StreamId compute_ = -1;
  device::StreamId communication_ = -1;
  std::optional<Workspace> workspace_;
  std::optional<Stopwatch> watch_;
  std::vector<device::Launch> kernels_;
  device::Launch small_;
  std::int64_t bytes_ = 0;
  std::byte* out_ = nullptr;
  std::byte* in_ = nullptr;
  device::EventId ready_ = -1;
  device::EventId message_begins_ = -1;
  device::EventId message_ends_ = -1;
  device::EventId kernels_begin_ = -1;
  device::EventId kernels_end_ = -1;
};

}  // namespace

Result<std::optional<Interference>> measure_interference(const Peer& peer, const Options& options) {
  return InterferenceSession(peer, options).run();
}

}  // namespace hsap::measure
