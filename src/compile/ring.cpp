#include "compile/lowering.hpp"

namespace hsap {
namespace {

/// Keys and values travel once around: in step s, shard c works on the block of shard c - s while
/// that block goes on to shard c + 1. In the backward pass the gradients of a block follow it one
/// step behind, each rank adding its part, and a last hop brings them home.
class Ring final : public ContextExchange {
 public:
  explicit Ring(Lowering& lower) : lower_(lower), steps_(lower.mesh.shards()) {
    meetings_.reserve(static_cast<std::size_t>(steps_) * static_cast<std::size_t>(steps_));
    for (int c = 0; c < steps_; ++c) {
      const Encounters::Row row = lower.encounters.row(c);
      for (int step = 0; step < steps_; ++step) {
        meetings_.push_back(
            store_meeting(lower, row.with(block_at(c, step)), c, block_at(c, step)));
      }
    }
  }

  Index forward(const Scope& at) override;
  Finished backward(const BackwardScope& at) override;

 private:
  [[nodiscard]] int block_at(int c, int step) const { return (c - step + steps_) % steps_; }
  [[nodiscard]] const Range& block_rows(const Scope& at, int step) const {
    return lower_.shard_rows[static_cast<std::size_t>(block_at(at.seat.c, step))];
  }
  [[nodiscard]] const Meeting& meeting(const Scope& at, int step) const {
    return meetings_[static_cast<std::size_t>(at.seat.c) * static_cast<std::size_t>(steps_) +
                     static_cast<std::size_t>(step)];
  }
  [[nodiscard]] Rank neighbour(const Scope& at, int distance) const {
    return lower_.mesh.rank({at.seat.u, (at.seat.c + distance + steps_) % steps_});
  }
  [[nodiscard]] bool attends_once(const Scope& at) const;
  /// Passes the block of `step` on and receives that of the next step.
  Index pass_on(const Scope& at, int step, Stream stream, const KeyValue& held,
                const KeyValue& next);
  /// The same for keys and values; `reader` is the attend of the step before.
  Block next_keys(const Scope& at, int step, const Block& held, Index reader);
  /// And for gradients, into `next`.
  Block next_gradients(const BackwardScope& at, int step, const Block& held, const KeyValue& next);
  [[nodiscard]] KeyValue travelling(const BackwardScope& at, int step);
  /// Adds this rank's part to the gradients of the block of `step`. Returns the attend.
  Index add_part(const BackwardScope& at, int step, Index dq, const Block& keys, Block& gradients);

  Lowering& lower_;
  int steps_;
  std::vector<Meeting> meetings_;  ///< by shard, then step
};

bool Ring::attends_once(const Scope& at) const {
  for (int step = 1; step < steps_; ++step) {
    if (!meeting(at, step).empty()) return false;
  }
  return true;
}

Index Ring::pass_on(const Scope& at, int step, Stream stream, const KeyValue& held,
                    const KeyValue& next) {
  const Index exchange = lower_.build.exchange(stream);
  send_both(lower_, neighbour(at, 1), held, block_rows(at, step), at.key_heads);
  receive_both(lower_, neighbour(at, -1), next, block_rows(at, step + 1), at.key_heads);
  return exchange;
}

Block Ring::next_keys(const Scope& at, int step, const Block& held, Index reader) {
  if (step + 1 == steps_) return {};
  Block next;
  next.data = key_buffers(lower_, at.key_heads, block_rows(at, step + 1));
  next.complete = pass_on(at, step, Stream::keys, held.data, next.data);
  // The first block leaves when it is there. A later one makes room for the next in the memory of
  // the block before it, so that one must have been read.
  lower_.build.after(step == 0 ? held.complete : reader);
  return next;
}

Index Ring::forward(const Scope& at) {
  Block held{at.own, at.ready};
  Block next = next_keys(at, 0, held, ScheduleBuilder::none);
  Index done = attend_own(lower_, at, meeting(at, 0));
  Index reader = ScheduleBuilder::none;
  for (int step = 1; step < steps_; ++step) {
    held = next;
    next = next_keys(at, step, held, reader);
    reader = ScheduleBuilder::none;
    if (meeting(at, step).empty()) continue;
    reader = attend_and_merge(lower_, at, meeting(at, step), held.data, held.complete);
    done = lower_.build.next() - 1;
  }
  return done;
}

KeyValue Ring::travelling(const BackwardScope& at, int step) {
  return gradient_buffers(lower_, lower_.strategy.gradient_dtype, at.key_heads,
                          block_rows(at, step));
}

Block Ring::next_gradients(const BackwardScope& at, int step, const Block& held,
                           const KeyValue& next) {
  const Index exchange = pass_on(at, step, Stream::gradients, held.data, next);
  lower_.build.after(held.complete);
  return {next, exchange};
}

Index Ring::add_part(const BackwardScope& at, int step, Index dq, const Block& keys,
                     Block& gradients) {
  const Meeting& work = meeting(at, step);
  if (work.empty()) return ScheduleBuilder::none;
  const KeyValue part =
      gradient_buffers(lower_, lower_.strategy.gradient_dtype, at.key_heads, work.keys);
  const Index attend = attend_backward(lower_, at, work, keys.data, dq, part, true);
  lower_.build.after(keys.complete);
  lower_.build.reduce(part.k, gradients.data.k, at.key_heads);
  lower_.build.after(gradients.complete);
  gradients.complete = lower_.build.reduce(part.v, gradients.data.v, at.key_heads);
  return attend;
}

Finished Ring::backward(const BackwardScope& at) {
  const Dtype problem_dtype = lower_.problem.dtype;
  const bool alone = steps_ == 1;
  const Accumulator dq =
      accumulate_into(lower_, at.dq, attends_once(at) ? problem_dtype : Dtype::fp32);
  const KeyValueAccumulator home =
      accumulate_into(lower_, at.gradient, alone ? problem_dtype : lower_.strategy.gradient_dtype);
  Block keys{at.own};
  Block next = next_keys(at, 0, keys, ScheduleBuilder::none);
  Block gradients{alone ? home.sum : travelling(at, 0)};
  Index last = attend_backward(lower_, at, meeting(at, 0), at.own, dq.sum, gradients.data, false);
  Index reader = ScheduleBuilder::none;
  gradients.complete = last;
  for (int step = 1; step < steps_; ++step) {
    gradients = next_gradients(at, step - 1, gradients, travelling(at, step));
    keys = next;
    next = next_keys(at, step, keys, reader);
    reader = add_part(at, step, dq.sum, keys, gradients);
    if (reader != ScheduleBuilder::none) last = reader;
  }
  if (!alone) gradients = next_gradients(at, steps_ - 1, gradients, home.sum);
  return {settle(lower_, dq, last), settle(lower_, home, gradients.complete)};
}

}  // namespace

std::unique_ptr<ContextExchange> make_ring(Lowering& lower) {
  return std::make_unique<Ring>(lower);
}

}  // namespace hsap
