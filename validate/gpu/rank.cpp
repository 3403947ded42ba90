#include "validate/gpu/rank.hpp"

#include <algorithm>

#include "validate/gpu/rows.hpp"
#include "validate/host/program.hpp"

namespace hsap::executor {

using device::Array;
using device::Device;
using device::Launch;

Result<RankMemory> RankMemory::make(const Schedule& schedule, const BufferPlan& plan, Rank rank,
                                    Device& device) {
  RankMemory memory(schedule, plan, rank, device);
  HSAP_TRY(memory.piece_, device.allocate_for_messages(memory.bytes()));
  return memory;
}

Array RankMemory::array(Index at) const { return array(at, schedule_->buffers[at].heads); }

Array RankMemory::array(Index at, HeadRange heads) const {
  const Buffer& buffer = schedule_->buffers[at];
  Array array;
  array.dtype = buffer.dtype;
  array.rows = tokens_in(schedule_->intervals_of(buffer));
  array.heads = heads.size();
  array.width = schedule_->width(buffer.role);
  array.row_stride = std::int64_t{buffer.heads.size()} * array.width;
  const std::int64_t skipped = std::int64_t{heads.begin - buffer.heads.begin} * array.width;
  array.data = piece_ + plan_->offset_bytes[at] + skipped * array.number_bytes();
  return array;
}

const host::Rows& RankMemory::rows(Index at) {
  const Range& range = schedule_->buffers[at].intervals;
  std::unique_ptr<host::Rows>& rows = rows_[{range.first, range.count}];
  if (!rows) rows = std::make_unique<host::Rows>(schedule_->intervals_of(range));
  return *rows;
}

host::View RankMemory::view(Index at, std::vector<std::byte>& bytes) {
  const Array array = this->array(at);
  const Buffer& buffer = schedule_->buffers[at];
  bytes.resize(static_cast<std::size_t>(array.rows * array.row_bytes()));
  return {bytes.data(), host::element_of(buffer.dtype, Arithmetic::fp32), buffer.heads,
          static_cast<std::size_t>(array.width), &rows(at)};
}

Status RankMemory::read_inputs(const Tensors& tensors) {
  std::vector<std::byte> bytes;
  for (Index at = 0; at < schedule_->buffers.size(); ++at) {
    const Buffer& buffer = schedule_->buffers[at];
    if (buffer.rank != rank_ || buffer.usage != Usage::input || !has(at)) continue;
    host::read_rows(tensors[buffer.role], view(at, bytes));
    HSAP_CHECK(device_->write(array(at).data, bytes));
  }
  return {};
}

Status RankMemory::write_results(Tensors& tensors) {
  std::vector<std::byte> bytes;
  for (Index at = 0; at < schedule_->buffers.size(); ++at) {
    const Buffer& buffer = schedule_->buffers[at];
    if (buffer.rank != rank_ || !host::is_result(buffer) || !has(at)) continue;
    const host::View copy = view(at, bytes);
    HSAP_CHECK(device_->read(bytes, array(at).data));
    host::write_rows(copy, tensors[buffer.role]);
  }
  return {};
}

Status RankMemory::clear_results() {
  for (Index at = 0; at < schedule_->buffers.size(); ++at) {
    const Buffer& buffer = schedule_->buffers[at];
    if (buffer.rank != rank_ || !host::is_result(buffer) || !has(at)) continue;
    const Array array = this->array(at);
    const std::vector<std::byte> zeros(static_cast<std::size_t>(array.rows * array.row_bytes()));
    HSAP_CHECK(device_->write(array.data, zeros));
  }
  return {};
}

namespace {

/// Operands of one kernel. Kernels want the same token in the same row on each side: arrays begin
/// later where that is enough, and are else gathered before the kernel.
class Operands {
 public:
  Operands(const Schedule& schedule, const Operation& op, RankMemory& memory, Device& device)
      : op_(op), on_(schedule.operands_of(op)), memory_(memory), device_(device) {
    key_heads_ = {key_head(schedule, op.heads.begin),
                  static_cast<std::uint16_t>(key_head(schedule, op.heads.end - 1) + 1)};
    for (const Slice& slice : schedule.slices_of(op)) {
      queries_.push_back(slice.query);
      keys_.push_back(slice.key);
    }
  }

  /// Operand i with rows as those of operand `like` on its side.
  [[nodiscard]] Result<Array> query_side(std::size_t i, std::size_t like) {
    return aligned(i, like, op_.heads, queries_);
  }
  [[nodiscard]] Result<Array> key_side(std::size_t i, std::size_t like) {
    return aligned(i, like, key_heads_, keys_);
  }
  /// The kernel, after what has to be gathered.
  [[nodiscard]] Launch after_gathering(Launch kernel) const {
    if (gathers_.empty()) return kernel;
    return [gathers = gathers_, kernel = std::move(kernel)](device::StreamId stream) -> Status {
      for (const Launch& gather : gathers) HSAP_CHECK(gather(stream));
      return kernel(stream);
    };
  }

 private:
  static std::uint16_t key_head(const Schedule& schedule, int head) {
    return static_cast<std::uint16_t>(head * schedule.heads.key_value / schedule.heads.query);
  }

  Result<Array> aligned(std::size_t i, std::size_t like, HeadRange heads,
                        std::span<const Interval> sides) {
    Array array = memory_.array(on_[i], heads);
    const host::Rows& rows = memory_.rows(on_[i]);
    const host::Rows& wanted = memory_.rows(on_[like]);
    const auto shift = shift_between(sides, wanted, rows);
    const auto count = static_cast<std::int64_t>(wanted.count());
    // Kernels may read any row up to the last one wanted, so all must lie inside the buffer.
    if (shift && *shift >= 0 && *shift + count <= array.rows) {
      array.data += *shift * array.row_stride * array.number_bytes();
      array.rows = count;
      return array;
    }
    Array gathered = array;
    gathered.rows = count;
    gathered.row_stride = std::int64_t{array.heads} * array.width;
    HSAP_TRY(gathered.data, device_.allocate(gathered.rows * gathered.row_bytes()));
    std::vector<Token> tokens = host::tokens_of(sides);
    std::sort(tokens.begin(), tokens.end());
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    HSAP_TRY(Launch gather,
             device_.prepare(device::Move{array, gathered, pair_rows(rows, wanted, tokens)}));
    gathers_.push_back(std::move(gather));
    return gathered;
  }

  const Operation& op_;
  std::span<const Index> on_;
  RankMemory& memory_;
  Device& device_;
  HeadRange key_heads_;
  std::vector<Interval> queries_;
  std::vector<Interval> keys_;
  std::vector<Launch> gathers_;
};

bool same_rows(RankMemory& memory, Index a, Index b) {
  return memory.rows(a).tokens() == memory.rows(b).tokens();
}

Error disorder() {
  return infeasible("results of a kernel hold the same tokens in different order");
}

// Operands of an attend_backward, in the order of the schedule.
enum : std::size_t { at_q, at_k, at_v, at_dout, at_lse, at_delta, at_dq, at_dk, at_dv };
// Operands of an attend after q, k and v.
enum : std::size_t { at_o = 3, at_o_lse = 4 };

Result<Launch> prepare_attend(const Schedule& schedule, const Operation& op, RankMemory& memory,
                              Device& device) {
  const auto on = schedule.operands_of(op);
  Operands operands(schedule, op, memory, device);
  device::Attend call;
  // Every row of the results is written, so they say what a row is.
  HSAP_TRY(call.q, operands.query_side(at_q, at_o));
  HSAP_TRY(call.k, operands.key_side(at_k, at_k));
  HSAP_TRY(call.v, operands.key_side(at_v, at_k));
  HSAP_TRY(call.o, operands.query_side(at_o, at_o));
  if (!same_rows(memory, on[at_o], on[at_o_lse])) return disorder();
  HSAP_TRY(call.lse, operands.query_side(at_o_lse, at_o));
  HSAP_TRY(call.slices,
           slices_in_rows(schedule.slices_of(op), memory.rows(on[at_o]), memory.rows(on[at_k])));
  call.heads = {op.heads, schedule.heads};
  call.accumulate = op.accumulate_query;
  HSAP_TRY(Launch kernel, device.prepare(call));
  return operands.after_gathering(std::move(kernel));
}

Result<Launch> prepare_backward(const Schedule& schedule, const Operation& op, RankMemory& memory,
                                Device& device) {
  const auto on = schedule.operands_of(op);
  Operands operands(schedule, op, memory, device);
  device::AttendBackward call;
  HSAP_TRY(call.q, operands.query_side(at_q, at_dq));
  HSAP_TRY(call.k, operands.key_side(at_k, at_dk));
  HSAP_TRY(call.v, operands.key_side(at_v, at_dk));
  HSAP_TRY(call.dout, operands.query_side(at_dout, at_dq));
  HSAP_TRY(call.lse, operands.query_side(at_lse, at_dq));
  HSAP_TRY(call.delta, operands.query_side(at_delta, at_dq));
  HSAP_TRY(call.dq, operands.query_side(at_dq, at_dq));
  HSAP_TRY(call.dk, operands.key_side(at_dk, at_dk));
  if (!same_rows(memory, on[at_dk], on[at_dv])) return disorder();
  HSAP_TRY(call.dv, operands.key_side(at_dv, at_dk));
  HSAP_TRY(call.slices,
           slices_in_rows(schedule.slices_of(op), memory.rows(on[at_dq]), memory.rows(on[at_dk])));
  call.heads = {op.heads, schedule.heads};
  call.accumulate_query = op.accumulate_query;
  call.accumulate_key = op.accumulate_key;
  HSAP_TRY(Launch kernel, device.prepare(call));
  return operands.after_gathering(std::move(kernel));
}

Result<Launch> prepare_rows(const Schedule& schedule, const Operation& op, RankMemory& memory,
                            Device& device) {
  const auto on = schedule.operands_of(op);
  const auto rows_from = [&](std::size_t i) -> const host::Rows& { return memory.rows(on[i]); };
  const auto array = [&](std::size_t i) { return memory.array(on[i], op.heads); };
  const auto in_order = [&](std::size_t i, std::size_t like) {
    return same_rows(memory, on[i], on[like]);
  };
  if (op.kind == Kind::delta) {
    if (!in_order(0, 2) || !in_order(1, 2)) return disorder();
    return device.prepare(device::Delta{array(0), array(1), array(2)});
  }
  if (op.kind == Kind::merge) {
    if (!in_order(0, 1) || !in_order(2, 3)) return disorder();
    return device.prepare(
        device::Merge{array(0), array(1), array(2), array(3),
                      pair_rows(rows_from(0), rows_from(2), rows_from(0).tokens())});
  }
  const bool all = op.kind == Kind::reduce || op.payload.count == 0;
  const std::vector<Token> tokens =
      all ? rows_from(0).tokens() : host::tokens_of(schedule.intervals_of(op.payload));
  return device.prepare(device::Move{
      array(0), array(1), pair_rows(rows_from(0), rows_from(1), tokens), op.kind == Kind::reduce});
}

}  // namespace

Result<Launch> prepare(const Schedule& schedule, const Operation& op, RankMemory& memory,
                       Device& device) {
  switch (op.kind) {
    case Kind::attend:
      return prepare_attend(schedule, op, memory, device);
    case Kind::attend_backward:
      return prepare_backward(schedule, op, memory, device);
    case Kind::delta:
    case Kind::merge:
    case Kind::reduce:
    case Kind::copy:
      return prepare_rows(schedule, op, memory, device);
    default:
      return Launch([](device::StreamId) -> Status { return {}; });  // `compute` touches no buffer
  }
}

}  // namespace hsap::executor
