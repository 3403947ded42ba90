#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace hsap {

/// Something that will happen to lane or message `index` at `time_s`.
struct Event {
  enum class Kind : std::uint8_t {
    wake,          ///< the host has issued the operation that lane `index` waits for
    kernel_end,    ///< of lane `index`, unless `generation` is stale
    packed,        ///< lane `index` has filled its send buffers
    latency_over,  ///< message `index` puts its first byte on the wire
    copied,        ///< message `index`, a copy inside one memory, is done
    exchange_end,  ///< of lane `index`: received rows are where they belong
  };
  double time_s = 0;
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
  Kind kind = Kind::wake;
};

/// Events by time, then by the order in which they were pushed. Ranks that do the same make events
/// of equal times: those stand in a line, and only the lines are in a heap.
class EventQueue {
 public:
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] double next_s() const { return heap_.front().time_s; }

  void push(double time_s, Event::Kind kind, std::uint32_t index, std::uint32_t generation = 0) {
    const std::uint32_t place = new_place();
    places_[place] = {index, generation, none, kind};
    for (const Open& open : open_) {
      if (open.line == none || open.time_s != time_s) continue;
      Line& line = lines_[open.line];
      places_[line.last].next = place;
      line.last = place;
      return;
    }
    open_line(time_s, place);
  }

  Event pop() {
    const Head head = heap_.front();
    Line& line = lines_[head.line];
    const std::uint32_t at = line.first;
    const Place& place = places_[at];
    const Event event{head.time_s, place.index, place.generation, place.kind};
    line.first = place.next;
    places_[at].next = std::exchange(free_place_, at);
    if (line.first == none) close_first();
    return event;
  }

 private:
  static constexpr std::uint32_t none = 0xffffffff;
  static constexpr std::size_t arity = 4;
  static constexpr std::size_t most_open = 4;
  struct Place {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
    std::uint32_t next = none;  ///< in the line, or among the free places
    Event::Kind kind = Event::Kind::wake;
  };
  struct Line {
    std::uint32_t first = none;
    std::uint32_t last = none;
  };
  struct Head {
    double time_s = 0;
    std::uint64_t order = 0;  ///< among lines of equal times
    std::uint32_t line = none;
  };
  /// A line that events may still join: the newest ones. Once closed, a line has none but older
  /// events than another one of its time that was opened later.
  struct Open {
    double time_s = 0;
    std::uint32_t line = none;
  };

  static bool before(const Head& a, const Head& b) {
    return a.time_s < b.time_s || (a.time_s == b.time_s && a.order < b.order);
  }

  std::uint32_t new_place() {
    if (free_place_ != none) return std::exchange(free_place_, places_[free_place_].next);
    places_.emplace_back();
    return static_cast<std::uint32_t>(places_.size() - 1);
  }

  void open_line(double time_s, std::uint32_t place) {
    if (free_lines_.empty()) {
      free_lines_.push_back(static_cast<std::uint32_t>(lines_.size()));
      lines_.emplace_back();
    }
    const std::uint32_t line = free_lines_.back();
    free_lines_.pop_back();
    lines_[line] = {place, place};
    open_[next_order_ % most_open] = {time_s, line};
    heap_.emplace_back();
    sift_up(heap_.size() - 1, {time_s, next_order_++, line});
  }

  void close_first() {
    const std::uint32_t line = heap_.front().line;
    for (Open& open : open_) {
      if (open.line == line) open.line = none;
    }
    free_lines_.push_back(line);
    const Head last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sift_down(last);
  }

  void sift_up(std::size_t at, const Head& moving) {
    while (at > 0) {
      const std::size_t parent = (at - 1) / arity;
      if (!before(moving, heap_[parent])) break;
      heap_[at] = heap_[parent];
      at = parent;
    }
    heap_[at] = moving;
  }

  void sift_down(const Head& moving) {
    std::size_t at = 0;
    while (true) {
      const std::size_t first = at * arity + 1;
      if (first >= heap_.size()) break;
      const std::size_t last = first + arity < heap_.size() ? first + arity : heap_.size();
      std::size_t least = first;
      for (std::size_t child = first + 1; child < last; ++child) {
        if (before(heap_[child], heap_[least])) least = child;
      }
      if (!before(heap_[least], moving)) break;
      heap_[at] = heap_[least];
      at = least;
    }
    heap_[at] = moving;
  }

  std::vector<Head> heap_;
  std::vector<Line> lines_;
  std::vector<std::uint32_t> free_lines_;
  std::vector<Place> places_;
  std::uint32_t free_place_ = none;
  std::array<Open, most_open> open_;
  std::uint64_t next_order_ = 0;
};

}  // namespace hsap
