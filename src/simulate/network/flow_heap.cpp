#include "simulate/network/flow_heap.hpp"

#include <algorithm>

namespace hsap {

void FlowHeap::put(std::size_t at, const Entry& entry) {
  heap_[at] = entry;
  place_[entry.flow] = static_cast<std::uint32_t>(at);
}

void FlowHeap::sift_up(std::size_t at) {
  const Entry moving = heap_[at];
  while (at > 0) {
    const std::size_t parent = (at - 1) / arity;
    if (!(moving < heap_[parent])) break;
    put(at, heap_[parent]);
    at = parent;
  }
  put(at, moving);
}

void FlowHeap::sift_down(std::size_t at) {
  const Entry moving = heap_[at];
  while (true) {
    const std::size_t first = at * arity + 1;
    if (first >= heap_.size()) break;
    const std::size_t last = std::min(first + arity, heap_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < last; ++child) {
      if (heap_[child] < heap_[least]) least = child;
    }
    if (!(heap_[least] < moving)) break;
    put(at, heap_[least]);
    at = least;
  }
  put(at, moving);
}

void FlowHeap::push(const Entry& entry) {
  if (entry.flow >= place_.size()) place_.resize(entry.flow + 1);
  heap_.push_back(entry);
  sift_up(heap_.size() - 1);
}

void FlowHeap::pop() {
  const Entry last = heap_.back();
  heap_.pop_back();
  if (heap_.empty()) return;
  put(0, last);
  sift_down(0);
}

void FlowHeap::take(double limit, std::vector<Entry>& taken) {
  for (std::size_t popped = 0; !heap_.empty() && top_key() <= limit; ++popped) {
    // A pop costs about as much as it takes to put 32 entries in order.
    if (popped > heap_.size() / 32) {
      const auto later = [limit](const Entry& entry) { return entry.key > limit; };
      const auto rest = std::partition(heap_.begin(), heap_.end(), later);
      taken.insert(taken.end(), rest, heap_.end());
      heap_.erase(rest, heap_.end());
      for (std::size_t at = 0; at < heap_.size(); ++at) put(at, heap_[at]);
      return put_in_order();
    }
    taken.push_back(heap_.front());
    pop();
  }
}

void FlowHeap::change(FlowId flow, double key) {
  const std::size_t at = place_[flow];
  const bool earlier = key < heap_[at].key;
  heap_[at].key = key;
  if (changing_) return;
  if (earlier) {
    sift_up(at);
  } else {
    sift_down(at);
  }
}

void FlowHeap::end_changes() {
  changing_ = false;
  put_in_order();
}

/// Where entries were changed but not moved.
void FlowHeap::put_in_order() {
  if (heap_.size() < 2) return;
  for (std::size_t at = (heap_.size() - 2) / arity + 1; at-- > 0;) sift_down(at);
}

}  // namespace hsap
