#pragma once

#include <algorithm>
#include <vector>

#include "hsap/execute.hpp"

namespace hsap::executor {

/// The times of one operation over the repeats of a run.
class RepeatedTime {
 public:
  void add(double begin_s, double seconds) {
    begin_s_ = begin_s;
    seconds_.push_back(seconds);
  }
  /// There must be one.
  [[nodiscard]] OperationTime time_of(Index operation) const {
    std::vector<double> sorted = seconds_;
    std::sort(sorted.begin(), sorted.end());
    return {operation, begin_s_, sorted[sorted.size() / 2], sorted.back() - sorted.front()};
  }

 private:
  double begin_s_ = 0;  ///< of the last repeat
  std::vector<double> seconds_;
};

}  // namespace hsap::executor
