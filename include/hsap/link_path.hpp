#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>

namespace hsap {

using LinkId = std::uint32_t;

/// The links of a route in order. A view into the cluster: nothing is stored per pair of GPUs, so
/// that clusters of any size cost little; valid as long as the cluster lives.
///
/// Nodes are alike, so a piece inside a node is a list of links of node 0 plus a shift.
class LinkPath {
 public:
  struct Piece {
    std::span<const LinkId> ids;
    LinkId shift = 0;
  };
  class Iterator {
   public:
    using value_type = LinkId;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = const LinkId*;
    using reference = LinkId;
    Iterator(const LinkPath& path, std::size_t at) : path_(&path), at_(at) {}
    LinkId operator*() const { return (*path_)[at_]; }
    Iterator& operator++() { return ++at_, *this; }
    Iterator operator++(int) { return {*path_, at_++}; }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

   private:
    const LinkPath* path_;
    std::size_t at_;
  };

  LinkPath() = default;
  explicit LinkPath(Piece head) : head_(head) {}
  /// Head, then the first `fabric_links` of `fabric`, then tail.
  LinkPath(Piece head, std::array<LinkId, 4> fabric, std::size_t fabric_links, Piece tail)
      : head_(head), tail_(tail), fabric_(fabric), fabric_links_(fabric_links) {}

  [[nodiscard]] std::size_t size() const {
    return head_.ids.size() + fabric_links_ + tail_.ids.size();
  }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] LinkId operator[](std::size_t i) const {
    if (i < head_.ids.size()) return head_.ids[i] + head_.shift;
    i -= head_.ids.size();
    return i < fabric_links_ ? fabric_[i] : tail_.ids[i - fabric_links_] + tail_.shift;
  }
  [[nodiscard]] Iterator begin() const { return {*this, 0}; }
  [[nodiscard]] Iterator end() const { return {*this, size()}; }

 private:
  Piece head_;
  Piece tail_;
  std::array<LinkId, 4> fabric_{};
  std::size_t fabric_links_ = 0;
};

}  // namespace hsap
