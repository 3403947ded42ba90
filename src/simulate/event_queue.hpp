#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace hsap {

/// Something that will happen to slot or message `index` at `time_s`.
struct Event {
  enum class Kind : std::uint8_t {
    wake,          ///< the host has issued the operation that slot `index` waits for
    kernel_end,    ///< of slot `index`, unless `generation` is stale
    packed,        ///< slot `index` has filled its send buffers
    latency_over,  ///< message `index` puts its first byte on the wire
    copied,        ///< message `index`, a copy inside one memory, is done
    exchange_end,  ///< of slot `index`: received rows are where they belong
  };
  double time_s = 0;
  std::uint64_t order = 0;  ///< among equal times: number of the push, then three bits of the kind
  std::uint32_t index = 0;
  std::uint32_t generation = 0;

  [[nodiscard]] Kind kind() const { return static_cast<Kind>(order & 7); }
};

/// Events by time, then by the order in which they were pushed. A heap with four children a node:
/// half the depth of a binary one, and the children share cache lines.
class EventQueue {
 public:
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] const Event& top() const { return heap_.front(); }

  void push(double time_s, Event::Kind kind, std::uint32_t index, std::uint32_t generation = 0) {
    const std::uint64_t order = next_sequence_++ << 3 | static_cast<std::uint64_t>(kind);
    heap_.emplace_back();
    sift_up(heap_.size() - 1, {time_s, order, index, generation});
  }

  Event pop() {
    const Event top = heap_.front();
    const Event last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sift_down(last);
    return top;
  }

 private:
  static constexpr std::size_t arity = 4;

  static bool before(const Event& a, const Event& b) {
    return a.time_s < b.time_s || (a.time_s == b.time_s && a.order < b.order);
  }

  void sift_up(std::size_t at, const Event& moving) {
    while (at > 0) {
      const std::size_t parent = (at - 1) / arity;
      if (!before(moving, heap_[parent])) break;
      heap_[at] = heap_[parent];
      at = parent;
    }
    heap_[at] = moving;
  }

  void sift_down(const Event& moving) {
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

  std::vector<Event> heap_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace hsap
