#include "validate/cases/messages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "schedule/builder.hpp"

namespace hsap::cases {
namespace {

/// Rows of 2 bytes x dim, so that any size is a number of rows that fits a Token.
struct Rows {
  Token count = 0;
  int dim = 1;
};

/// Of so many `parts` of as many bytes, all of which fit a Token together.
Rows rows_of(std::int64_t bytes, Token parts = 1) {
  constexpr int largest_dim = 1 << 20;
  Rows rows;
  const auto count = [&] { return bytes / 2 / rows.dim; };
  while (rows.dim < largest_dim &&
         ((rows.dim < 1024 && count() > (1 << 20)) || count() > max_tokens / parts)) {
    rows.dim *= 2;
  }
  rows.count = static_cast<Token>(std::clamp<std::int64_t>(count(), 1, max_tokens / parts));
  return rows;
}

/// Writes programs whose buffers hold keys.
class Writer {
 public:
  Writer(const Rows& rows, Token tokens)
      : build_(Pass::forward, tokens, {.query = 1, .key_value = 1, .dim = rows.dim}) {}

  Index buffer(Token begin, Token end) {
    return build_.buffer(Role::k, Usage::staging, Dtype::bf16, {0, 1}, rows(begin, end));
  }
  Range rows(Token begin, Token end) { return build_.intervals({{begin, end, 1}}); }
  ScheduleBuilder& build() { return build_; }

 private:
  ScheduleBuilder build_;
};

/// Everybody sends its part to everybody, as nccl-tests' alltoall does.
Result<Schedule> all_to_all(std::int64_t bytes, int gpus) {
  constexpr int most = 1 << 12;  // some 16 million messages
  if (gpus > most) return infeasible(fmt::format("an all-to-all of more than {} GPUs", most));
  Transfers work;
  work.bytes = std::max<std::int64_t>(1, bytes / gpus);
  for (int from = 0; from < gpus; ++from) {
    for (int to = 0; to < gpus; ++to) {
      if (from != to) work.pairs.emplace_back(from, to);
    }
  }
  return schedule_of(work, gpus);
}

}  // namespace

Schedule schedule_of(const Transfers& work, int gpus) {
  const Rows rows = rows_of(work.bytes);
  Writer writer(rows, rows.count);
  ScheduleBuilder& build = writer.build();
  std::vector<std::vector<std::pair<int, int>>> pairs_of(static_cast<std::size_t>(gpus));
  for (const auto& pair : work.pairs) {
    pairs_of[static_cast<std::size_t>(pair.first)].push_back(pair);
    if (pair.second != pair.first) pairs_of[static_cast<std::size_t>(pair.second)].push_back(pair);
  }
  for (Rank rank = 0; rank < gpus; ++rank) {
    build.begin_rank(build.intervals({}));
    const Index buffer = writer.buffer(0, rows.count);
    const auto& pairs = pairs_of[static_cast<std::size_t>(rank)];
    if (!pairs.empty()) build.exchange(Stream::keys);
    for (const auto& [from, to] : pairs) {
      if (from == rank) build.send(to, buffer, writer.rows(0, rows.count), {0, 1});
      if (to == rank) build.receive(from, buffer, writer.rows(0, rows.count), {0, 1});
    }
  }
  return build.finish();
}

Result<Schedule> schedule_of(const Collective& work, const Cluster& cluster) {
  const auto count = static_cast<Token>(cluster.gpus());
  if (work.kind == Collective::Kind::all_to_all) return all_to_all(work.bytes, cluster.gpus());
  const Group group{0, cluster.gpus(), 1};
  const Rows part = rows_of(std::max<std::int64_t>(1, work.bytes / count), count);
  const Token whole = part.count * count;
  Writer writer(part, whole);
  ScheduleBuilder& build = writer.build();
  for (Rank rank = 0; rank < cluster.gpus(); ++rank) {
    build.begin_rank(build.intervals({}));
    const Token first = rank * part.count;
    const ScheduleBuilder::Pair own_and_all{writer.buffer(first, first + part.count),
                                            writer.buffer(0, whole)};
    Index before = ScheduleBuilder::none;
    if (work.kind != Collective::Kind::all_gather) {
      const ScheduleBuilder::Pair all_and_own{own_and_all.second, own_and_all.first};
      before = build.reduce_scatter(Stream::keys, group, {0, 1}, {&all_and_own, 1});
    }
    if (work.kind != Collective::Kind::reduce_scatter) {
      build.all_gather(Stream::keys, group, {0, 1}, {&own_and_all, 1});
      build.after(before);
    }
  }
  return build.finish();
}

Result<Schedule> schedule_of(const Overlap& work, const Cluster& cluster) {
  if (cluster.gpus() < 2) return infeasible("one GPU communicates with nobody");
  const int peer = cluster.nodes() > 1 ? cluster.gpus() - cluster.gpus_per_node() : 1;
  const Route route = cluster.route(0, peer);
  const double bytes =
      (work.communication_s - route.latency_s) * route.bandwidth_bytes_per_s - route.ramp_bytes;
  if (bytes < 2 || bytes > 0x1p40) {
    return infeasible(fmt::format("no message takes {:g} s here", work.communication_s));
  }
  const Device& device = cluster.spec().device;
  const double busy_s = std::max(0.0, work.compute_s - device.kernel_launch_s);
  const Rows rows = rows_of(static_cast<std::int64_t>(bytes));
  Writer writer(rows, rows.count);
  ScheduleBuilder& build = writer.build();
  for (Rank rank = 0; rank <= peer; ++rank) {
    build.begin_rank(build.intervals({}));
    if (rank != 0 && rank != peer) continue;
    const Index sent = writer.buffer(0, rows.count);
    const Index received = writer.buffer(0, rows.count);
    build.exchange(Stream::keys);
    build.send(peer - rank, sent, writer.rows(0, rows.count), {0, 1});
    build.receive(peer - rank, received, writer.rows(0, rows.count), {0, 1});
    build.compute({.flop = busy_s * device.matmul_flop_per_s, .bytes = 0});
  }
  return build.finish();
}

}  // namespace hsap::cases
