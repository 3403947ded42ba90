#pragma once

#include <vector>

#include "schedule/verify/matching.hpp"
#include "schedule/verify/subject.hpp"

namespace hsap::verifier {

/// Runs the schedule without time: an operation starts when the one before it on its stream and
/// its dependencies are complete; an exchange completes when the other side of every transfer has
/// started, a collective when all members have. `order` becomes the operations in an order in
/// which they may start. What cannot start or complete in this run cannot in any: a deadlock.
[[nodiscard]] Found order_operations(const Subject& subject, const Matching& matching,
                                     std::vector<Index>& order);

}  // namespace hsap::verifier
