#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hsap {

using FlowId = std::uint32_t;

/// Flows by the time at which they finish, then by age. A key may be changed in place, which a
/// plain queue of events cannot do: one change in the network moves the finish of many flows.
class FlowHeap {
 public:
  struct Entry {
    double key = 0;
    std::uint32_t age = 0;
    FlowId flow = 0;

    friend bool operator<(const Entry& a, const Entry& b) {
      return a.key < b.key || (a.key == b.key && a.age < b.age);
    }
  };

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] FlowId top() const { return heap_.front().flow; }
  [[nodiscard]] double top_key() const { return heap_.front().key; }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  [[nodiscard]] double key(FlowId flow) const { return heap_[place_[flow]].key; }

  void push(const Entry& entry);
  /// Moves all entries with keys up to `limit` to `taken`, in no order; many at once cost less.
  void take(double limit, std::vector<Entry>& taken);
  /// Moves a flow to its place for a new key.
  void change(FlowId flow, double key);
  /// Between these two calls only change() and key() may be called; many changes cost less so.
  void begin_changes() { changing_ = true; }
  void end_changes();
  [[nodiscard]] bool changing() const { return changing_; }

 private:
  static constexpr std::size_t arity = 4;
  void put(std::size_t at, const Entry& entry);
  void sift_up(std::size_t at);
  void sift_down(std::size_t at);
  void pop();
  void put_in_order();

  bool changing_ = false;
  std::vector<Entry> heap_;
  std::vector<std::uint32_t> place_;  ///< by flow
};

}  // namespace hsap
