#include <fmt/format.h>

#include <vector>

#include "export/plan/row.hpp"
#include "export/plan/schedule.hpp"
#include "schedule/kinds.hpp"

namespace hsap {
namespace {

constexpr std::size_t most_rows = std::size_t{1} << 27;
constexpr std::int64_t most_ranks = std::int64_t{1} << 20;
constexpr std::int64_t most_index = std::int64_t{1} << 31;

/// The rows of one member, each turned into a T by `read`.
template <typename T, typename Read>
std::vector<T> read_rows(json::Object& object, const std::string& key, std::size_t cells,
                         Read read) {
  std::vector<T> items;
  const json::Value* list = object.raw(key);
  if (list == nullptr) return items;
  if (!list->is_array() || list->size() > most_rows) {
    object.fail(key, "wrong type", json::brief(*list), "an array of rows");
    return items;
  }
  items.reserve(list->size());
  for (std::size_t i = 0; i < list->size() && !object.failed(); ++i) {
    Row row(object, key + "/" + std::to_string(i), (*list)[i], cells);
    if (!object.failed()) items.push_back(read(row));
  }
  return items;
}

std::vector<Index> read_indices(json::Object& object, const std::string& key) {
  const std::vector<std::int64_t> integers = object.integers(key, most_rows, 0, most_index);
  return {integers.begin(), integers.end()};
}

/// Complains about the first index that does not point into an array of `size`.
void check_indices(json::Object& object, const std::string& key, const std::vector<Index>& indices,
                   std::size_t size) {
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < size) continue;
    object.fail(key + "/" + std::to_string(i), "index out of range", std::to_string(indices[i]),
                fmt::format("below {}", size));
    return;
  }
}

/// How many payload items an operation of this kind may point at.
std::size_t payload_size(const Schedule& schedule, Kind kind) {
  switch (kind) {
    case Kind::attend:
    case Kind::attend_backward:
      return schedule.slices.size();
    case Kind::exchange:
      return schedule.transfers.size();
    case Kind::all_gather:
    case Kind::reduce_scatter:
      return schedule.groups.size();
    case Kind::compute:
      return schedule.work.size();
    default:
      return schedule.intervals.size();
  }
}

/// Kinds whose interpreters take the first payload item for granted.
bool needs_payload(Kind kind) { return is_collective(kind) || kind == Kind::compute; }

void read_header(json::Object& object, Schedule& schedule) {
  const auto pass = object.text("pass");
  if (pass != "forward" && pass != "backward") {
    object.fail("pass", "unknown pass", "'" + pass + "'", "'forward' or 'backward'");
  }
  schedule.pass = pass == "backward" ? Pass::backward : Pass::forward;
  schedule.tokens = static_cast<Token>(object.integer("tokens", 1, max_tokens));
  schedule.heads.query = static_cast<int>(object.integer("heads", 1, UINT16_MAX));
  schedule.heads.key_value = static_cast<int>(object.integer("kv_heads", 1, schedule.heads.query));
  schedule.heads.dim = static_cast<int>(object.integer("head_dim", 1, 1 << 16));
}

void read_contents(json::Object& object, Schedule& schedule) {
  const Token tokens = schedule.tokens;
  schedule.intervals =
      read_rows<Interval>(object, "intervals", 3, [&](Row& row) { return row.interval(tokens); });
  schedule.slices = read_rows<Slice>(object, "slices", 7, [&](Row& row) {
    Slice slice;
    slice.query = row.interval(tokens);
    slice.key = row.interval(tokens);
    slice.kind = row.name<SliceKind>(4);
    return slice;
  });
  schedule.groups = read_rows<Group>(object, "groups", 3, [](Row& row) {
    return Group{static_cast<Rank>(row.integer(0, most_ranks)),
                 static_cast<Rank>(row.integer(1, most_ranks)),
                 static_cast<Rank>(row.integer(1, most_ranks))};
  });
  schedule.work = read_rows<Work>(object, "work", 2, [](Row& row) {
    const double flop = row.number();
    return Work{flop, row.number()};
  });
  schedule.home = read_rows<Range>(object, "home", 2,
                                   [&](Row& row) { return row.range(schedule.intervals.size()); });
}

Buffer read_buffer(Row& row, const Schedule& schedule) {
  Buffer buffer;
  buffer.rank = static_cast<Rank>(row.integer(0, most_ranks));
  buffer.role = row.name<Role>(buffer_roles);
  buffer.usage = row.name<Usage>(4);
  buffer.dtype = row.name<Dtype>(2);
  buffer.heads = row.heads(schedule.heads.query);
  buffer.intervals = row.range(schedule.intervals.size());
  return buffer;
}

Transfer read_transfer(Row& row, const Schedule& schedule) {
  Transfer transfer;
  transfer.direction = row.either("send", "receive") ? Direction::send : Direction::receive;
  transfer.peer = static_cast<Rank>(row.integer(0, most_ranks));
  transfer.buffer =
      static_cast<Index>(row.integer(0, static_cast<std::int64_t>(schedule.buffers.size()) - 1));
  transfer.heads = row.heads(schedule.heads.query);
  transfer.intervals = row.range(schedule.intervals.size());
  transfer.add = row.boolean();
  return transfer;
}

Operation read_operation(Row& row, const Schedule& schedule) {
  Operation op;
  op.rank = static_cast<Rank>(row.integer(0, most_ranks));
  op.kind = row.name<Kind>(operation_kinds);
  op.stream = row.name<Stream>(streams);
  op.accumulate_query = row.boolean();
  op.accumulate_key = row.boolean();
  op.heads = row.heads(schedule.heads.query);
  op.payload = row.range(payload_size(schedule, op.kind));
  op.operands = row.range(schedule.operands.size());
  op.dependencies = row.range(schedule.dependencies.size());
  return op;
}

void read_operations(json::Object& object, Schedule& schedule) {
  schedule.buffers =
      read_rows<Buffer>(object, "buffers", 8, [&](Row& row) { return read_buffer(row, schedule); });
  schedule.transfers = read_rows<Transfer>(object, "transfers", 8,
                                           [&](Row& row) { return read_transfer(row, schedule); });
  schedule.dependencies = read_indices(object, "dependencies");
  schedule.operands = read_indices(object, "operands");
  schedule.operations = read_rows<Operation>(
      object, "operations", 13, [&](Row& row) { return read_operation(row, schedule); });
  schedule.programs = read_rows<Range>(
      object, "programs", 2, [&](Row& row) { return row.range(schedule.operations.size()); });
}

/// Complains unless rank `found` of row `i` of member `key` is one of the schedule's.
void check_rank(json::Object& object, const Schedule& schedule, const char* key, std::size_t i,
                std::int64_t found) {
  if (found < schedule.ranks()) return;
  object.fail(fmt::format("{}/{}", key, i), "rank out of range", std::to_string(found),
              fmt::format("below {}", schedule.ranks()));
}

void check_ranks(json::Object& object, const Schedule& schedule) {
  if (schedule.home.size() != schedule.programs.size()) {
    object.fail("home", "not one row a rank", std::to_string(schedule.home.size()),
                std::to_string(schedule.programs.size()));
  }
  for (std::size_t i = 0; i < schedule.buffers.size(); ++i) {
    check_rank(object, schedule, "buffers", i, schedule.buffers[i].rank);
  }
  for (std::size_t i = 0; i < schedule.operations.size(); ++i) {
    check_rank(object, schedule, "operations", i, schedule.operations[i].rank);
  }
  for (std::size_t i = 0; i < schedule.transfers.size(); ++i) {
    check_rank(object, schedule, "transfers", i, schedule.transfers[i].peer);
  }
  for (std::size_t i = 0; i < schedule.groups.size(); ++i) {
    const Group& group = schedule.groups[i];
    const std::int64_t last = group.first + (group.count - std::int64_t{1}) * group.stride;
    check_rank(object, schedule, "groups", i, last);
  }
}

void check_operations(json::Object& object, const Schedule& schedule) {
  check_indices(object, "dependencies", schedule.dependencies, schedule.operations.size());
  check_indices(object, "operands", schedule.operands, schedule.buffers.size());
  for (std::size_t i = 0; i < schedule.operations.size(); ++i) {
    const Operation& op = schedule.operations[i];
    if (!needs_payload(op.kind) || op.payload.count > 0) continue;
    object.fail("operations/" + std::to_string(i), "no payload", "0",
                "a payload of at least 1 for " + std::string(to_string(op.kind)));
  }
}

}  // namespace

Schedule read_schedule(json::Object object) {
  Schedule schedule;
  read_header(object, schedule);
  if (!object.failed()) read_contents(object, schedule);
  if (!object.failed()) read_operations(object, schedule);
  if (!object.failed()) check_ranks(object, schedule);
  if (!object.failed()) check_operations(object, schedule);
  object.done();
  return schedule;
}

}  // namespace hsap
