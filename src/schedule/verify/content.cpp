#include "schedule/verify/content.hpp"

#include <fmt/format.h>

namespace hsap::verifier {

Content::Content(const Subject& subject, const Matching& matching)
    : subject_(subject),
      schedule_(subject.schedule),
      matching_(matching),
      started_(subject.schedule.operations.size(), false) {
  for (Index at = 0; at < schedule_.buffers.size(); ++at) {
    const Buffer& buffer = schedule_.buffers[at];
    maps_.emplace_back(buffer.heads, unwritten);
    if (buffer.usage != Usage::input) continue;
    for (const Run& run : subject.rows(at)) {
      maps_[at].update(buffer.heads, run, [&](Fingerprint& value, HeadRange, const Run&) {
        value = given(buffer.role);
      });
    }
  }
  for (int role = 0; role <= static_cast<int>(Role::delta); ++role) {
    const int heads = head_count(schedule_.heads, static_cast<Role>(role));
    complete_.emplace_back(HeadRange{0, static_cast<std::uint16_t>(heads)}, neutral);
  }
  for (const Range& meeting : matching.collectives.ranges) waiting_.push_back(meeting.count);
}

void Content::apply(Index at) {
  const Operation& op = schedule_.operations[at];
  started_[at] = true;
  switch (op.kind) {
    case Kind::attend:
      return attend(at, op);
    case Kind::attend_backward:
      return attend_backward(at, op);
    case Kind::delta:
      return delta(at, op);
    case Kind::merge:
      return merge(at, op);
    case Kind::reduce:
      return reduce(at, op);
    case Kind::copy:
      return copy(at, op);
    case Kind::exchange:
      return exchange(at, op);
    case Kind::all_gather:
    case Kind::reduce_scatter:
      return collective(at);
    case Kind::compute:
      return;
  }
}

void Content::attend(Index at, const Operation& op) {
  const auto operands = schedule_.operands_of(op);
  const Index o = operands[3], lse = operands[4];
  for (const Slice& slice : schedule_.slices_of(op)) {
    const Run query = subject_.positions.run(slice.query);
    const Run key = subject_.positions.run(slice.key);
    expect_given(at, operands[0], op.heads, query);
    for (const std::size_t i : {1, 2}) {
      expect_given(at, operands[i], schedule_.key_heads(op.heads), key);
    }
  }
  prepare(at, o, op.heads, op.accumulate_query);
  prepare(at, lse, op.heads, op.accumulate_query);
  if (op.accumulate_query) {
    for (const Run& run : subject_.rows(o)) expect_pair(at, o, lse, op.heads, run);
  }
  for (const Slice& slice : schedule_.slices_of(op)) {
    const Run query = subject_.positions.run(slice.query);
    contribute(at, o, op.heads, query);
    contribute(at, lse, op.heads, query);
  }
}

void Content::attend_backward(Index at, const Operation& op) {
  const auto operands = schedule_.operands_of(op);
  const HeadRange key_heads = schedule_.key_heads(op.heads);
  for (const Slice& slice : schedule_.slices_of(op)) {
    const Run query = subject_.positions.run(slice.query);
    const Run key = subject_.positions.run(slice.key);
    for (const std::size_t i : {0, 3, 4, 5}) expect_given(at, operands[i], op.heads, query);
    for (const std::size_t i : {1, 2}) expect_given(at, operands[i], key_heads, key);
  }
  prepare(at, operands[6], op.heads, op.accumulate_query);
  for (const std::size_t i : {7, 8}) prepare(at, operands[i], key_heads, op.accumulate_key);
  for (const Slice& slice : schedule_.slices_of(op)) {
    contribute(at, operands[6], op.heads, subject_.positions.run(slice.query));
    const Run key = subject_.positions.run(slice.key);
    for (const std::size_t i : {7, 8}) contribute(at, operands[i], key_heads, key);
  }
}

void Content::delta(Index at, const Operation& op) {
  const auto operands = schedule_.operands_of(op);
  for (const Run& run : subject_.rows(operands[2])) {
    expect_given(at, operands[0], op.heads, run);
    expect_given(at, operands[1], op.heads, run);
    maps_[operands[2]].update(op.heads, run, [](Fingerprint& value, HeadRange, const Run&) {
      value = given(Role::delta);
    });
  }
}

void Content::merge(Index at, const Operation& op) {
  const auto operands = schedule_.operands_of(op);
  for (const Run& run : subject_.rows(operands[0])) {
    expect_pair(at, operands[0], operands[1], op.heads, run);
    expect_pair(at, operands[2], operands[3], op.heads, run);
    for (const std::size_t i : {0, 1}) {
      load(at, operands[i], op.heads, run);
      // Merging is what sums up partial results; sum() is for plain addition.
      for (const Piece& piece : pieces_) {
        const auto add = [&](Fingerprint& value, HeadRange heads, const Run& part) {
          if (value == unwritten) report_unwritten(at, operands[i + 2], heads, part);
          value = value + piece.value;
        };
        maps_[operands[i + 2]].update(piece.heads, piece.run, add);
      }
    }
  }
}

void Content::reduce(Index at, const Operation& op) {
  const auto operands = schedule_.operands_of(op);
  for (const Run& run : subject_.rows(operands[0])) {
    move(at, operands[0], operands[1], op.heads, run, true);
  }
}

void Content::copy(Index at, const Operation& op) {
  const auto operands = schedule_.operands_of(op);
  if (op.payload.count == 0) {
    for (const Run& run : subject_.rows(operands[0])) {
      move(at, operands[0], operands[1], op.heads, run, false);
    }
  }
  for (const Interval& interval : schedule_.intervals_of(op.payload)) {
    const Run run = subject_.positions.run(interval);
    move(at, operands[0], operands[1], op.heads, run, false);
  }
}

void Content::exchange(Index at, const Operation& op) {
  for (Index t = op.payload.first; t < op.payload.first + op.payload.count; ++t) {
    const Index other = matching_.transfers.partner[t];
    const Index its_owner = matching_.transfers.owner[other];
    const bool sends = schedule_.transfers[t].direction == Direction::send;
    // A message to the own rank is seen from both its ends; the receiving one moves it.
    if (!started_[its_owner] || (its_owner == at && sends)) continue;
    const Transfer& send = schedule_.transfers[sends ? t : other];
    const Transfer& receive = schedule_.transfers[sends ? other : t];
    const Index sender = sends ? at : its_owner;
    const Index receiver = sends ? its_owner : at;
    for (const Interval& interval : schedule_.intervals_of(send)) {
      load(sender, send.buffer, send.heads, subject_.positions.run(interval));
      store(receiver, receive.buffer, receive.add);
    }
  }
}

void Content::collective(Index at) {
  const Index meeting = matching_.collectives.meeting_of[at];
  if (--waiting_[meeting] > 0) return;
  const std::span<const Index> members = matching_.collectives.members_of(meeting);
  const Operation& op = schedule_.operations[at];
  for (std::size_t pair = 0; pair < op.operands.count; pair += 2) {
    if (op.kind == Kind::all_gather) {
      gather(members, pair);
    } else {
      scatter(members, pair);
    }
  }
}

void Content::gather(std::span<const Index> members, std::size_t pair) {
  for (const Index from : members) {
    const Operation& sender = schedule_.operations[from];
    const Index source = schedule_.operands_of(sender)[pair];
    for (const Run& run : subject_.rows(source)) {
      load(from, source, sender.heads, run);
      for (const Index to : members) {
        store(to, schedule_.operands_of(schedule_.operations[to])[pair + 1], false);
      }
    }
  }
}

void Content::scatter(std::span<const Index> members, std::size_t pair) {
  for (const Index to : members) {
    const Operation& receiver = schedule_.operations[to];
    const Index destination = schedule_.operands_of(receiver)[pair + 1];
    for (const Run& run : subject_.rows(destination)) {
      bool first = true;
      for (const Index from : members) {
        const Index source = schedule_.operands_of(schedule_.operations[from])[pair];
        load(from, source, receiver.heads, run);
        store(to, destination, !first);
        first = false;
      }
    }
  }
}

void Content::expect_given(Index at, Index buffer, HeadRange heads, const Run& run) {
  const Fingerprint expected = given(schedule_.buffers[buffer].role);
  const auto visit = [&](Fingerprint value, HeadRange piece_heads, const Run& piece) {
    if (value == expected) return;
    if (value == unwritten) return report_unwritten(at, buffer, piece_heads, piece);
    wrong_.report(at, [&] {
      return "needs complete data and finds something else in " + place(buffer, piece_heads, piece);
    });
  };
  maps_[buffer].read(heads, run, visit);
}

void Content::prepare(Index at, Index buffer, HeadRange heads, bool accumulate) {
  const auto visit = [&](Fingerprint& value, HeadRange piece_heads, const Run& piece) {
    if (accumulate && value == unwritten) report_unwritten(at, buffer, piece_heads, piece);
    if (!accumulate || value == unwritten) value = neutral;
  };
  for (const Run& run : subject_.rows(buffer)) maps_[buffer].update(heads, run, visit);
}

void Content::expect_pair(Index at, Index o, Index lse, HeadRange heads, const Run& run) {
  const auto visit_o = [&](Fingerprint output, HeadRange o_heads, const Run& o_run) {
    const auto visit_lse = [&](Fingerprint sum, HeadRange both_heads, const Run& both) {
      if (output == sum || output == unwritten || sum == unwritten) return;
      wrong_.report(at, [&] {
        return "o and lse are of different attends in " + place(lse, both_heads, both);
      });
    };
    maps_[lse].read(o_heads, o_run, visit_lse);
  };
  maps_[o].read(heads, run, visit_o);
}

void Content::contribute(Index at, Index buffer, HeadRange heads, const Run& run) {
  const auto add = [&](Fingerprint& value, HeadRange, const Run&) {
    value = value + contribution(at);
  };
  maps_[buffer].update(heads, run, add);
  complete_[static_cast<std::size_t>(schedule_.buffers[buffer].role)].update(heads, run, add);
}

void Content::move(Index at, Index source, Index destination, HeadRange heads, const Run& run,
                   bool add) {
  load(at, source, heads, run);
  store(at, destination, add);
}

void Content::load(Index at, Index buffer, HeadRange heads, const Run& run) {
  pieces_.clear();
  maps_[buffer].read(heads, run, [&](Fingerprint value, HeadRange part, const Run& piece) {
    if (value == unwritten) report_unwritten(at, buffer, part, piece);
    pieces_.push_back({part, piece, value});
  });
}

void Content::store(Index at, Index buffer, bool add) {
  const Role role = schedule_.buffers[buffer].role;
  for (const Piece& piece : pieces_) {
    const auto change = [&](Fingerprint& value, HeadRange heads, const Run& run) {
      if (add && value == unwritten) report_unwritten(at, buffer, heads, run);
      value = add ? sum(role, value, piece.value) : piece.value;
    };
    maps_[buffer].update(piece.heads, piece.run, change);
  }
}

void Content::report_unwritten(Index at, Index buffer, HeadRange heads, const Run& run) {
  unwritten_.report(at,
                    [&] { return "reads what nothing has written: " + place(buffer, heads, run); });
}

std::string Content::place(Index buffer, HeadRange heads, const Run& run) const {
  return fmt::format("{}, {}, of {} (buffer {})", subject_.tokens_text(run), heads_text(heads),
                     subject_.name(buffer), buffer);
}

Found Content::found() const { return unwritten_.found() ? unwritten_.found() : wrong_.found(); }

}  // namespace hsap::verifier
