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
    if (!before(moving, heap_[parent])) break;
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
      if (before(heap_[child], heap_[least])) least = child;
    }
    if (!before(heap_[least], moving)) break;
    put(at, heap_[least]);
    at = least;
  }
  put(at, moving);
}

void FlowHeap::push(FlowId flow, double key, std::uint32_t age) {
  if (flow >= place_.size()) place_.resize(flow + 1);
  heap_.push_back({key, age, flow});
  sift_up(heap_.size() - 1);
}

void FlowHeap::remove(FlowId flow) {
  const std::size_t at = place_[flow];
  const Entry last = heap_.back();
  heap_.pop_back();
  if (at == heap_.size()) return;
  put(at, last);
  sift_up(at);
  sift_down(place_[last.flow]);
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
  if (heap_.size() < 2) return;
  for (std::size_t at = (heap_.size() - 2) / arity + 1; at-- > 0;) sift_down(at);
}

}  // namespace hsap
