#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace hsap {

/// What has changed since rates were last shared, while the next sharing waits.
///
/// A flow that ends leaves its rate unused; one that begins takes what is left on its links. Where
/// every flow is followed by another one, as in exchanges that send a few messages at a time,
/// little stays unused and the next sharing has little to put right.
class Backlog {
 public:
  void begin(double now) {
    advance(now);
    ++begun_;
  }
  /// A flow that has begun moves at `rate` bytes per second until the sharing.
  void take(double rate) { taken_ += rate; }
  /// A flow ends and leaves `rate` bytes per second.
  void end(double now, double rate) {
    advance(now);
    ++ended_;
    left_ += rate;
  }
  /// A flow ends whose rate the last sharing has already given to others.
  void end_as_foreseen() { ++foreseen_; }

  [[nodiscard]] bool empty() const { return ended_ + begun_ == 0; }

  /// Flows that ended and were not followed by others, or the other way round; where all were, an
  /// eighth of them: what the followers get is only nearly their share.
  [[nodiscard]] double unsettled() const {
    const std::size_t gone = ended_ + foreseen_;
    const std::size_t unmatched = begun_ > gone ? begun_ - gone : ended_ - std::min(ended_, begun_);
    return std::max(static_cast<double>(unmatched), static_cast<double>(ended_ + begun_) / 8);
  }

  /// Forgets all changes but the bytes that flows took beyond what others left. Returns the time
  /// after `now` in which the flows that end would have moved as many bytes as have stayed unused.
  /// Had nobody taken any of what is left, that would be the time since the first change: what is
  /// left grows evenly and its bytes as the square of the time.
  double settle(double now) {
    advance(now);
    const double unused_bytes = left_bytes_ - taken_bytes_;
    const double unused = left_bytes_ > 0 ? std::max(0.0, unused_bytes) / left_bytes_ : 0;
    const double passed = now - first_;
    *this = {};
    taken_bytes_ = std::max(0.0, -unused_bytes);
    return passed * std::sqrt(unused);
  }

 private:
  void advance(double now) {
    if (empty()) first_ = last_ = now;
    left_bytes_ += left_ * (now - last_);
    taken_bytes_ += taken_ * (now - last_);
    last_ = now;
  }

  std::size_t begun_ = 0;
  std::size_t ended_ = 0;
  std::size_t foreseen_ = 0;
  double first_ = 0;  ///< time of the first change
  double last_ = 0;   ///< and of the last
  double left_ = 0;   ///< rates of the flows that ended
  double taken_ = 0;  ///< rates of the flows that began
  double left_bytes_ = 0;
  double taken_bytes_ = 0;
};

}  // namespace hsap
