#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "cost/calibrate/rounds.hpp"
#include "support/timed_device.hpp"
#include "validate/device/communicator.hpp"

namespace hsap::test {

/// What the ranks of a timed run share: groups of messages begin when all ranks that take part are
/// there, and take what the cost model says of such a round.
class TimedFabric {
 public:
  /// Rank i is GPU i of the cluster.
  explicit TimedFabric(const Cluster& cluster) : cluster_(cluster) {}

  /// When the group of messages ends that this rank is ready for at `ready_s`.
  double exchange(Rank rank, double ready_s, std::span<const device::Message> messages) {
    std::unique_lock lock(mutex_);
    waiting_[rank] = {ready_s, {messages.begin(), messages.end()}};
    if (const std::set<Rank> group = complete(rank); !group.empty()) end(group);
    there_.wait(lock, [&] { return ended_.contains(rank); });
    const double end_s = ended_[rank];
    ended_.erase(rank);
    return end_s;
  }

 private:
  struct Waiting {
    double ready_s = 0;
    std::vector<device::Message> messages;
  };

  /// All that this rank's messages lead to, or nothing while one of them is missing.
  std::set<Rank> complete(Rank rank) {
    std::set<Rank> group{rank};
    std::vector<Rank> open{rank};
    while (!open.empty()) {
      const auto at = waiting_.find(open.back());
      open.pop_back();
      if (at == waiting_.end()) return {};
      for (const device::Message& message : at->second.messages) {
        if (group.insert(message.peer).second) open.push_back(message.peer);
      }
    }
    return group;
  }

  void end(const std::set<Rank>& group) {
    fit::Pattern pattern;
    double begin_s = 0;
    double bytes = 0;
    for (const Rank rank : group) {
      const Waiting& of = waiting_[rank];
      begin_s = std::max(begin_s, of.ready_s);
      for (const device::Message& message : of.messages) {
        bytes = static_cast<double>(message.bytes);
        if (message.is_send) pattern.transfers.push_back({rank, message.peer});
      }
    }
    const double end_s = begin_s + fit::round_seconds(cluster_, pattern, bytes);
    for (const Rank rank : group) {
      waiting_.erase(rank);
      ended_[rank] = end_s;
    }
    there_.notify_all();
  }

  const Cluster& cluster_;
  std::mutex mutex_;
  std::condition_variable there_;
  std::map<Rank, Waiting> waiting_;
  std::map<Rank, double> ended_;
};

class TimedCommunicator : public device::Communicator {
 public:
  static constexpr double exchange_host_s = 7e-6;
  static constexpr double transfer_host_s = 1.5e-6;

  TimedCommunicator(TimedFabric& fabric, TimedDevice& device, Rank rank,
                    double host_s = exchange_host_s)
      : fabric_(fabric), device_(device), rank_(rank), host_s_(host_s) {}

  Status exchange(device::StreamId stream, std::span<const device::Message> messages) override {
    const double host_s = host_s_ + transfer_host_s * static_cast<double>(messages.size());
    const double ready_s = std::max(device_.free(stream), device_.issue(host_s));
    const double end_s = fabric_.exchange(rank_, ready_s, messages);
    device_.send(stream, ready_s, device_.noisy(end_s - ready_s));
    return {};
  }
  Status all_gather(device::StreamId, std::span<const device::Share>) override {
    return infeasible("only messages have times");
  }
  Status reduce_scatter(device::StreamId, std::span<const device::Share>) override {
    return infeasible("only messages have times");
  }
  Status adopt(std::byte*, std::int64_t) override { return {}; }
  Status poll() override { return {}; }
  void abort() override {}

 private:
  TimedFabric& fabric_;
  TimedDevice& device_;
  Rank rank_;
  double host_s_;  ///< of an exchange without transfers
};

}  // namespace hsap::test
