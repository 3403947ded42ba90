#include "validate/run/compare.hpp"

namespace hsap::validation {
namespace {

Rank owner_of(const Schedule& schedule, Token token) {
  for (Rank rank = 0; rank < schedule.ranks(); ++rank) {
    for (const Interval& interval :
         schedule.intervals_of(schedule.home[static_cast<std::size_t>(rank)])) {
      if (interval.contains(token)) return rank;
    }
  }
  return -1;
}

}  // namespace

TensorError compare(const Problem& problem, Role role, const Tensor& truth, const Tensor& found,
                    const Schedule& schedule) {
  TensorError error{hsap::compare(problem, role, truth, found)};
  error.rank = owner_of(schedule, error.worst.token);
  return error;
}

}  // namespace hsap::validation
