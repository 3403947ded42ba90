#pragma once

#include "base/json.hpp"
#include "hsap/schedule.hpp"

namespace hsap {

/// A compiled schedule as JSON: its arrays as they are, an item a row. Format: docs/plan-format.md.
[[nodiscard]] json::Ordered to_json(const Schedule& schedule);

/// Reads a schedule from a stranger: every array holds what the file holds (nothing is allocated by
/// a number in it), every name is known and every range and index lies inside its array, so that
/// printing and verifying are safe. Whether the schedule is right is for verify().
/// Leaves its errors in the object and finishes it.
[[nodiscard]] Schedule read_schedule(json::Object object);

}  // namespace hsap
