#include "compile/lowering.hpp"

namespace hsap {
namespace {

/// Keys and values travel once around the shards, and each shard works on every block as it comes
/// by. In the backward pass the gradients of a block follow it one step behind, each rank adding
/// its part, and a last hop brings them home.
///
/// A double ring does that in two levels. C = outer x inner shards, of which `inner` consecutive
/// ones are near each other; shard c is the pair (c / inner, c % inner). In step (s, t) shard (o,
/// i) works on block (o - s, i - t): blocks go once around the inner ring before they go on to the
/// next node, and they leave for it when they arrive, so that the slow hop hides behind an inner
/// ring. A plain ring is one inner ring.
class Ring final : public ContextExchange {
 public:
  Ring(Lowering& lower, int inner)
      : lower_(lower), steps_(lower.mesh.shards()), inner_(inner), outer_(steps_ / inner) {
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
  /// The shard that is `outward` nodes and `inward` places further on.
  [[nodiscard]] int shard_at(int c, int outward, int inward) const {
    const int o = (c / inner_ + outward + 2 * outer_) % outer_;
    const int i = (c % inner_ + inward + 2 * inner_) % inner_;
    return o * inner_ + i;
  }
  /// Step `steps_` is the return home.
  [[nodiscard]] int block_at(int c, int step) const {
    return shard_at(c, -(step / inner_), -(step % inner_));
  }
  /// Whether a block comes from another node for this step.
  [[nodiscard]] bool opens_inner_ring(int step) const { return step % inner_ == 0; }
  [[nodiscard]] const Range& block_rows(const Scope& at, int step) const {
    return lower_.shard_rows[static_cast<std::size_t>(block_at(at.seat.c, step))];
  }
  [[nodiscard]] const Meeting& meeting(const Scope& at, int step) const {
    return meetings_[static_cast<std::size_t>(at.seat.c) * static_cast<std::size_t>(steps_) +
                     static_cast<std::size_t>(step)];
  }
  [[nodiscard]] Rank neighbour(const Scope& at, int outward, int inward) const {
    return lower_.mesh.rank({at.seat.u, shard_at(at.seat.c, outward, inward)});
  }
  [[nodiscard]] bool attends_once(const Scope& at) const;

  /// Keys and values that are here, on the way for the next step, and for the next inner ring.
  struct Keys {
    Block held;
    Block next;
    Block ahead;
  };
  /// `ready`: after which the shard's own stand.
  [[nodiscard]] Keys first_keys(const Scope& at, Index ready);
  /// Goes on to the keys of `step` and sends for those after them; `reader` is the attend of the
  /// step before.
  void advance(const Scope& at, int step, Index reader, Keys& keys);
  void send_ahead(const Scope& at, int step, Index reader, Keys& keys);
  [[nodiscard]] Block next_keys(const Scope& at, int step, Index reader, const Keys& keys);
  /// Passes gradients on to where their block is in `step`, and receives those of the block here.
  Block next_gradients(const BackwardScope& at, int step, const Block& held, const KeyValue& next);
  [[nodiscard]] KeyValue travelling(const BackwardScope& at, int step);
  /// Adds this rank's part to the gradients of the block of `step`. Returns the attend.
  Index add_part(const BackwardScope& at, int step, Index dq, const Block& keys, Block& gradients);

  Lowering& lower_;
  int steps_;
  int inner_;
  int outer_;
  std::vector<Meeting> meetings_;  ///< by shard, then step
};

bool Ring::attends_once(const Scope& at) const {
  for (int step = 1; step < steps_; ++step) {
    if (!meeting(at, step).empty()) return false;
  }
  return true;
}

/// A block leaves for the next node when it is there. Nothing else holds back the slow hop but
/// memory: the last inner ring must be over.
void Ring::send_ahead(const Scope& at, int step, Index reader, Keys& keys) {
  if (!opens_inner_ring(step) || step + inner_ >= steps_) return;
  const int then = step + inner_;
  keys.ahead.data = key_buffers(lower_, at.key_heads, block_rows(at, then));
  const Step hop{{{neighbour(at, 1, 0), keys.held.data, block_rows(at, step)}},
                 {{neighbour(at, -1, 0), keys.ahead.data, block_rows(at, then)}}};
  keys.ahead.complete =
      exchange_step(lower_, Stream::network, at.key_heads, hop, {keys.held.complete, reader});
}

Block Ring::next_keys(const Scope& at, int step, Index reader, const Keys& keys) {
  if (step + 1 == steps_) return {};
  if (opens_inner_ring(step + 1)) return keys.ahead;
  Block next;
  next.data = key_buffers(lower_, at.key_heads, block_rows(at, step + 1));
  const Step hop{{{neighbour(at, 0, 1), keys.held.data, block_rows(at, step)}},
                 {{neighbour(at, 0, -1), next.data, block_rows(at, step + 1)}}};
  // The first block of an inner ring leaves when it is there; the stream keeps the others in order.
  // A block makes room for the next in the memory of the one before it, which must have been read.
  const Index arrived = opens_inner_ring(step) ? keys.held.complete : ScheduleBuilder::none;
  next.complete = exchange_step(lower_, Stream::keys, at.key_heads, hop, {arrived, reader});
  return next;
}

Ring::Keys Ring::first_keys(const Scope& at, Index ready) {
  Keys keys;
  keys.held = {at.own, ready};
  send_ahead(at, 0, ScheduleBuilder::none, keys);
  keys.next = next_keys(at, 0, ScheduleBuilder::none, keys);
  return keys;
}

void Ring::advance(const Scope& at, int step, Index reader, Keys& keys) {
  keys.held = keys.next;
  send_ahead(at, step, reader, keys);
  keys.next = next_keys(at, step, reader, keys);
}

Index Ring::forward(const Scope& at) {
  Keys keys = first_keys(at, at.ready);
  Index done = attend_own(lower_, at, meeting(at, 0));
  Index reader = ScheduleBuilder::none;
  for (int step = 1; step < steps_; ++step) {
    advance(at, step, reader, keys);
    reader = ScheduleBuilder::none;
    if (meeting(at, step).empty()) continue;
    reader = attend_and_merge(lower_, at, meeting(at, step), keys.held.data, keys.held.complete);
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
  const int outward = opens_inner_ring(step) ? 1 : 0;
  const Step hop{{{neighbour(at, outward, 1), held.data, block_rows(at, step - 1)}},
                 {{neighbour(at, -outward, -1), next, block_rows(at, step)}}};
  return {next, exchange_step(lower_, Stream::gradients, at.key_heads, hop, {held.complete})};
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
  Keys keys = first_keys(at, ScheduleBuilder::none);
  Block gradients{alone ? home.sum : travelling(at, 0)};
  Index last = attend_backward(lower_, at, meeting(at, 0), at.own, dq.sum, gradients.data, false);
  Index reader = ScheduleBuilder::none;
  gradients.complete = last;
  for (int step = 1; step < steps_; ++step) {
    gradients = next_gradients(at, step, gradients, travelling(at, step));
    advance(at, step, reader, keys);
    reader = add_part(at, step, dq.sum, keys.held, gradients);
    if (reader != ScheduleBuilder::none) last = reader;
  }
  if (!alone) gradients = next_gradients(at, steps_, gradients, home.sum);
  return {settle(lower_, dq, last), settle(lower_, home, gradients.complete)};
}

}  // namespace

std::unique_ptr<ContextExchange> make_ring(Lowering& lower, int inner) {
  return std::make_unique<Ring>(lower, inner);
}

}  // namespace hsap
