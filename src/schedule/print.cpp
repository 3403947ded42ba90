#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <ostream>

#include "base/units.hpp"
#include "hsap/schedule.hpp"
#include "schedule/kinds.hpp"

namespace hsap {
namespace {

/// The part of a range that exists: the printer also shows operations that are malformed.
template <typename T>
std::span<const T> existing(const std::vector<T>& array, const Range& range) {
  const std::size_t first = std::min<std::size_t>(range.first, array.size());
  return {array.data() + first, std::min<std::size_t>(range.count, array.size() - first)};
}

/// "[0:64)", or "[1:64:4)" with a stride.
std::string text_of(const Interval& interval) {
  if (interval.stride == 1) return fmt::format("[{}:{})", interval.begin, interval.end);
  return fmt::format("[{}:{}:{})", interval.begin, interval.end, interval.stride);
}

/// The first intervals of a list; how many more there are.
std::string text_of(std::span<const Interval> list) {
  constexpr std::size_t most = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, list.size()); ++i) text += text_of(list[i]);
  if (list.size() > most) text += fmt::format("...+{}", list.size() - most);
  return list.empty() ? "[]" : text;
}

std::string text_of(HeadRange heads) { return fmt::format("{}:{}", heads.begin, heads.end); }

/// "16.8M" pairs: three digits and a decimal suffix.
std::string count_text(double value) {
  constexpr const char* suffixes[] = {"", "K", "M", "G", "T", "P", "E"};
  std::size_t suffix = 0;
  for (; value >= 999.5 && suffix + 1 < std::size(suffixes); ++suffix) value /= 1000;
  return fmt::format("{:.3g}{}", value, suffixes[suffix]);
}

/// Words for one schedule.
class Words {
 public:
  explicit Words(const Schedule& schedule) : schedule_(schedule) {}

  [[nodiscard]] std::string header() const {
    return fmt::format("{} of {} tokens, {} query and {} key/value heads of {}, on {} ranks",
                       to_string(schedule_.pass), schedule_.tokens, schedule_.heads.query,
                       schedule_.heads.key_value, schedule_.heads.dim, schedule_.ranks());
  }

  void print_rank(std::ostream& out, Rank rank) const {
    const auto at = static_cast<std::size_t>(rank);
    out << fmt::format("r{} owns {}\n", rank,
                       text_of(existing(schedule_.intervals, schedule_.home[at])));
    for (std::size_t i = 0; i < schedule_.buffers.size(); ++i) {
      if (schedule_.buffers[i].rank == rank) out << buffer(i) << "\n";
    }
    for (const Operation& op : existing(schedule_.operations, schedule_.programs[at])) {
      out << operation(op) << "\n";
    }
  }

  [[nodiscard]] std::string operation(const Operation& op) const {
    return fmt::format("r{} {:<6}{:<12}{:<16}{}{}", op.rank, label(op),
                       fmt::format("[{}]", to_string(op.stream)), to_string(op.kind), body(op),
                       dependencies(op));
  }

 private:
  [[nodiscard]] std::string buffer(std::size_t at) const {
    const Buffer& buffer = schedule_.buffers[at];
    const std::span<const Interval> rows = existing(schedule_.intervals, buffer.intervals);
    return fmt::format("  b{:<4} {:<6}{:<8} {}x{} {} {}", at, to_string(buffer.role),
                       to_string(buffer.usage), text_of(rows), text_of(buffer.heads),
                       to_string(buffer.dtype), bytes(buffer, rows, buffer.heads));
  }

  /// Of rows of a buffer. Counted in double: a list may name the same rows over and over.
  [[nodiscard]] std::string bytes(const Buffer& buffer, std::span<const Interval> rows,
                                  HeadRange heads) const {
    const auto tokens = static_cast<double>(tokens_in(rows));
    return format_bytes(tokens * static_cast<double>(schedule_.bytes(buffer, 1, heads.size())));
  }

  /// "#127" when the operation is one of the schedule's.
  [[nodiscard]] std::string label(const Operation& op) const {
    const Operation* first = schedule_.operations.data();
    const std::less<> before;
    if (before(&op, first) || !before(&op, first + schedule_.operations.size())) return "#?";
    return fmt::format("#{}", &op - first);
  }

  [[nodiscard]] std::string dependencies(const Operation& op) const {
    std::string text;
    for (const Index at : existing(schedule_.dependencies, op.dependencies)) {
      text += text.empty() ? "  after " : ", ";
      text += fmt::format("#{}", at);
    }
    return text;
  }

  [[nodiscard]] std::string body(const Operation& op) const {
    switch (op.kind) {
      case Kind::attend:
      case Kind::attend_backward:
        return attention(op);
      case Kind::delta:
      case Kind::merge:
        return fmt::format("{} x heads {}", operands(op), text_of(op.heads));
      case Kind::reduce:
      case Kind::copy:
        return fmt::format("{} x heads {}{}", operands(op), text_of(op.heads), copied(op));
      case Kind::exchange:
        return transfers(op);
      case Kind::all_gather:
      case Kind::reduce_scatter:
        return fmt::format("{} x heads {}{}", operands(op), text_of(op.heads), group(op));
      case Kind::compute:
        return work(op);
    }
    return "?";
  }

  /// "b3": a buffer with its role, so that a line can be read alone.
  [[nodiscard]] std::string operand(Index at) const {
    if (at >= schedule_.buffers.size()) return fmt::format("?(b{})", at);
    return fmt::format("{}(b{})", to_string(schedule_.buffers[at].role), at);
  }

  /// Operands, an arrow before the results.
  [[nodiscard]] std::string operands(const Operation& op) const {
    const std::span<const Index> list = existing(schedule_.operands, op.operands);
    std::string text;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const bool result = is_result(op.kind, i);
      const bool first_result = result && (i == 0 || !is_result(op.kind, i - 1));
      if (i > 0) text += first_result ? " -> " : takes_pairs(op.kind) && i % 2 == 0 ? ", " : " ";
      text += operand(list[i]);
    }
    return text;
  }

  static bool is_result(Kind kind, std::size_t operand) {
    return takes_pairs(kind) ? operand % 2 == 1 : operand >= inputs_of(kind);
  }

  /// "q[0:8) x heads 0:4 over k[0:4): 1 full + 2 causal, 48 pairs; q(b0) ... -> o(b3) lse(b4)".
  [[nodiscard]] std::string attention(const Operation& op) const {
    const std::span<const Slice> slices = existing(schedule_.slices, op.payload);
    constexpr std::size_t kinds = 4;
    std::size_t count[kinds] = {};
    double pairs = 0;
    Intervals queries, keys;
    for (const Slice& slice : slices) {
      if (static_cast<std::size_t>(slice.kind) < kinds)
        ++count[static_cast<std::size_t>(slice.kind)];
      pairs += static_cast<double>(area(slice));
      add_once(queries, slice.query);
      add_once(keys, slice.key);
    }
    std::string what;
    for (std::size_t kind = 0; kind < kinds; ++kind) {
      if (count[kind] == 0) continue;
      what += fmt::format("{}{} {}", what.empty() ? "" : " + ", count[kind],
                          to_string(static_cast<SliceKind>(kind)));
    }
    return fmt::format("q{} x heads {} over k{}: {}, {} pairs; {}{}", text_of(queries),
                       text_of(op.heads), text_of(keys), what.empty() ? "no slice" : what,
                       count_text(pairs), operands(op), accumulation(op));
  }

  static void add_once(Intervals& list, const Interval& interval) {
    if (list.empty() || !(list.back() == interval)) list.push_back(interval);
  }

  static std::string accumulation(const Operation& op) {
    if (op.kind == Kind::attend) return op.accumulate_query ? " merging" : "";
    if (op.accumulate_query) return op.accumulate_key ? " adding" : " adding dq";
    return op.accumulate_key ? " adding dk dv" : "";
  }

  [[nodiscard]] std::string copied(const Operation& op) const {
    if (op.kind != Kind::copy || op.payload.count == 0) return "";
    return " rows " + text_of(existing(schedule_.intervals, op.payload));
  }

  /// "send k[0:4)x0:2 -> r1 (64 B), v[0:4)x0:2 -> r1 (64 B) | receive k[4:8)x0:2 <- r1".
  [[nodiscard]] std::string transfers(const Operation& op) const {
    std::string sides[2];
    for (const Transfer& transfer : existing(schedule_.transfers, op.payload)) {
      const bool sends = transfer.direction == Direction::send;
      std::string& side = sides[sends ? 0 : 1];
      if (side.empty()) {
        side = sends ? "send " : "receive ";
      } else {
        side += ", ";
      }
      side += message(transfer, sends);
    }
    const bool both = !sides[0].empty() && !sides[1].empty();
    const std::string text = sides[0] + (both ? " | " : "") + sides[1];
    return text.empty() ? "nothing" : text;
  }

  [[nodiscard]] std::string message(const Transfer& transfer, bool sends) const {
    const std::span<const Interval> rows = existing(schedule_.intervals, transfer.intervals);
    std::string text = operand(transfer.buffer) + text_of(rows) + "x" + text_of(transfer.heads);
    text += fmt::format(" {} r{}", sends ? "->" : "<-", transfer.peer);
    if (transfer.add) text += " adding";
    if (!sends || transfer.buffer >= schedule_.buffers.size()) return text;
    const Buffer& buffer = schedule_.buffers[transfer.buffer];
    return text + " (" + bytes(buffer, rows, transfer.heads) + ")";
  }

  [[nodiscard]] std::string group(const Operation& op) const {
    std::string text;
    for (const Group& group : existing(schedule_.groups, op.payload)) {
      text += fmt::format(" among {} ranks from r{} by {}", group.count, group.first, group.stride);
    }
    return text;
  }

  [[nodiscard]] std::string work(const Operation& op) const {
    std::string text;
    for (const Work& work : existing(schedule_.work, op.payload)) {
      text += fmt::format("{:.3g} FLOP, {}", work.flop, format_bytes(work.bytes));
    }
    return text;
  }

  const Schedule& schedule_;
};

}  // namespace

void print(std::ostream& out, const Schedule& schedule) {
  const Words words(schedule);
  out << words.header() << "\n";
  for (Rank rank = 0; rank < schedule.ranks(); ++rank) words.print_rank(out, rank);
}

void print(std::ostream& out, const Schedule& schedule, Rank rank) {
  Words(schedule).print_rank(out, rank);
}

std::string line_of(const Schedule& schedule, const Operation& op) {
  return Words(schedule).operation(op);
}

}  // namespace hsap
