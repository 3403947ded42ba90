#include "validate/measure/rounds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "validate/measure/numbers.hpp"

namespace hsap::measure {
namespace {

using Transfers = std::vector<fit::Transfer>;

/// All-to-all among more ranks is no pattern of any schedule.
constexpr std::size_t most_all_to_all = 64;
/// The host may take longer for a call than it just did.
constexpr double safety = 1.5;
/// Of each half of the workspace: operands of what keeps a device busy.
constexpr std::int64_t filler_bytes = 64 << 20;

/// Small calls more often.
int calls_of(double bytes) { return bytes <= 1 << 20 ? 20 : bytes <= 1 << 25 ? 8 : 3; }

Transfers ring(const std::vector<int>& ranks) {
  Transfers out;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    out.push_back({ranks[i], ranks[(i + 1) % ranks.size()]});
  }
  return out;
}

Transfers all_to_all(const std::vector<int>& ranks) {
  Transfers out;
  for (const int from : ranks) {
    for (const int to : ranks) {
      if (from != to) out.push_back({from, to});
    }
  }
  return out;
}

std::vector<int> ranks_of(const std::vector<int>& nodes, int node) {
  std::vector<int> ranks;
  for (std::size_t rank = 0; rank < nodes.size(); ++rank) {
    if (nodes[rank] == node) ranks.push_back(static_cast<int>(rank));
  }
  return ranks;
}

std::vector<Transfers> patterns_of(const std::vector<int>& nodes) {
  std::vector<Transfers> out;
  const auto add = [&](Transfers pattern) {
    if (std::find(out.begin(), out.end(), pattern) == out.end()) out.push_back(std::move(pattern));
  };
  const auto add_group = [&](const std::vector<int>& ranks) {
    add(ring(ranks));
    if (ranks.size() <= most_all_to_all) add(all_to_all(ranks));
  };
  const std::vector<int> first = ranks_of(nodes, 0);
  const std::vector<int> second = ranks_of(nodes, 1);
  if (first.size() > 1) {
    add({{first[0], first[1]}});
    add_group({first[0], first[1]});
    add_group(first);
  }
  if (second.empty()) return out;
  add({{first[0], second[0]}});
  add({{first[0], second[0]}, {second[0], first[0]}});
  Transfers each;
  for (std::size_t i = 0; i < std::min(first.size(), second.size()); ++i) {
    each.push_back({first[i], second[i]});
  }
  add(each);
  std::vector<int> all(nodes.size());
  for (std::size_t rank = 0; rank < all.size(); ++rank) all[rank] = static_cast<int>(rank);
  add_group(all);
  return out;
}

/// Messages that the busiest rank of a round sends or receives.
int busiest(const Transfers& transfers) {
  std::map<int, int> sends;
  std::map<int, int> receives;
  int most = 0;
  for (const auto& [from, to] : transfers) most = std::max({most, ++sends[from], ++receives[to]});
  return most;
}

class RoundsSession {
 public:
  RoundsSession(const Peer& peer, const Options& options)
      : peer_(peer), options_(options), begin_s_(options.clock()) {}

  Result<TimedRounds> run() {
    HSAP_CHECK(peer_.world.agree(prepare()));
    const std::vector<Round> rounds = rounds_of(peer_.nodes, options_.message_bytes);
    TimedRounds out;
    for (std::size_t i = 0; i < rounds.size(); ++i) {
      HSAP_TRY(const bool on, goes_on());
      if (!on) {
        out.skipped = static_cast<int>(rounds.size() - i);
        break;
      }
      options_.progress(fmt::format("{} messages of {:.0f} KB", rounds[i].transfers.size(),
                                    rounds[i].bytes / 1024),
                        i, rounds.size());
      HSAP_TRY(const std::vector<double> own, time(rounds[i]));
      HSAP_TRY(const auto all, gather_numbers(peer_.world, own));
      if (peer_.world.rank() == 0) out.rounds.push_back({rounds[i], slowest(all)});
    }
    return out;
  }

 private:
  Status prepare() {
    stream_ = peer_.device.make_stream(Stream::keys);
    HSAP_TRY(workspace_, Workspace::make(peer_.device, stream_,
                                         std::min(filler_bytes, options_.workspace_bytes), 0));
    HSAP_TRY(watch_, Stopwatch::make(peer_.device, stream_, *workspace_));
    const std::int64_t bytes = options_.message_bytes;
    HSAP_TRY(out_, peer_.device.allocate_for_messages(bytes));
    HSAP_TRY(in_, peer_.device.allocate_for_messages(bytes));
    HSAP_CHECK(peer_.communicator.adopt(out_, bytes));
    HSAP_CHECK(peer_.communicator.adopt(in_, bytes));
    begin_ = peer_.device.make_event();
    end_ = peer_.device.make_event();
    return {};
  }

  /// As rank 0 sees it.
  Result<bool> goes_on() {
    const bool time_left = options_.clock() - begin_s_ < options_.budget_s;
    HSAP_TRY(const std::string said, peer_.world.broadcast(time_left ? "on" : ""));
    return !said.empty();
  }

  [[nodiscard]] std::vector<device::Message> messages_of(const Round& round) const {
    std::vector<device::Message> messages;
    const auto bytes = static_cast<std::int64_t>(round.bytes);
    std::int64_t sent = 0;
    std::int64_t received = 0;
    for (const auto& [from, to] : round.transfers) {
      if (from == peer_.world.rank()) messages.push_back({to, out_ + sent++ * bytes, bytes, true});
      if (to == peer_.world.rank()) {
        messages.push_back({from, in_ + received++ * bytes, bytes, false});
      }
    }
    return messages;
  }

  /// Seconds of a call in each series; nothing where this rank has no part.
  Result<std::vector<double>> time(const Round& round) {
    const std::vector<device::Message> messages = messages_of(round);
    std::vector<double> seconds;
    if (messages.empty()) return seconds;
    const int calls = calls_of(round.bytes);
    double host_s = 0;  // of a call: NCCL may take longer to issue a small message than to send it
    for (int i = -1; i <= series; ++i) {
      HSAP_CHECK(watch_->keep_busy(calls + 1, safety * host_s));
      const double begin_s = options_.clock();
      HSAP_CHECK(peer_.communicator.exchange(stream_, messages));
      HSAP_CHECK(peer_.device.record(begin_, stream_));
      for (int call = 0; call < calls; ++call) {
        HSAP_CHECK(peer_.communicator.exchange(stream_, messages));
      }
      HSAP_CHECK(peer_.device.record(end_, stream_));
      // The first series connects, the second one tells how long the host takes.
      if (i >= 0) host_s = (options_.clock() - begin_s) / (calls + 1);
      HSAP_CHECK(peer_.device.synchronize());
      HSAP_CHECK(peer_.communicator.poll());
      HSAP_TRY(const double taken, peer_.device.seconds_between(begin_, end_));
      if (i > 0) seconds.push_back(taken / calls);
    }
    return seconds;
  }

  /// Of each series the slowest rank.
  static Sample slowest(const std::vector<std::vector<double>>& all) {
    std::vector<double> most(series, 0);
    for (const std::vector<double>& seconds : all) {
      for (std::size_t i = 0; i < seconds.size(); ++i) most[i] = std::max(most[i], seconds[i]);
    }
    return bench::sample_of(std::move(most));
  }

  const Peer& peer_;
  const Options& options_;
  double begin_s_;
  device::StreamId stream_ = -1;
  std::optional<Workspace> workspace_;
  std::optional<Stopwatch> watch_;
  std::byte* out_ = nullptr;
  std::byte* in_ = nullptr;
  device::EventId begin_ = -1;
  device::EventId end_ = -1;
};

}  // namespace

std::vector<Round> rounds_of(const std::vector<int>& nodes, std::int64_t most_bytes) {
  const std::vector<Transfers> patterns = patterns_of(nodes);
  std::vector<Round> rounds;
  for (const int kilobytes : {16384, 64, 1024, 65536, 256, 4096, 262144, 128, 512, 2048, 131072}) {
    for (const Transfers& pattern : patterns) {
      const double bytes = 1024.0 * kilobytes;
      if (busiest(pattern) * bytes <= static_cast<double>(most_bytes))
        rounds.push_back({pattern, bytes});
    }
  }
  return rounds;
}

Result<TimedRounds> measure_rounds(const Peer& peer, const Options& options) {
  return RoundsSession(peer, options).run();
}

std::string transfers_csv(const TimedRounds& rounds, const std::vector<int>& gpus) {
  std::string table =
      "# rounds of messages by NCCL, all begun at once\npattern,bytes,us,spread_us,calls\n";
  const auto gpu_of = [&](int rank) { return gpus[static_cast<std::size_t>(rank)]; };
  for (const auto& [of, sample] : rounds.rounds) {
    std::string pattern;
    for (const auto& [from, to] : of.transfers) {
      pattern += fmt::format("{}{}>{}", pattern.empty() ? "" : " ", gpu_of(from), gpu_of(to));
    }
    table += fmt::format("{},{:.0f},{:.3f},{:.3f},{}\n", pattern, of.bytes, sample.seconds * 1e6,
                         sample.spread_s * 1e6, sample.calls);
  }
  return table;
}

}  // namespace hsap::measure
