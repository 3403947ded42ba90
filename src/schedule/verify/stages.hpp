#pragma once

#include "schedule/verify/finding.hpp"
#include "schedule/verify/matching.hpp"
#include "schedule/verify/order.hpp"
#include "schedule/verify/subject.hpp"

/// The stages of verify(), in order. Each relies on the ones before it having found nothing.
namespace hsap::verifier {

/// Sizes, indices, intervals and heads: after this every range may be followed. `stride` becomes
/// the common stride of the intervals.
[[nodiscard]] Found check_arrays(const Schedule& schedule, const Problem& problem, Token& stride);

/// Operands of every operation: number, roles, heads, ranks.
[[nodiscard]] Found check_operands(const Schedule& schedule);

/// Every row that an operation names is held by the buffers it names.
[[nodiscard]] Found check_bounds(const Subject& subject);

/// Every transfer has another end, which moves the same.
[[nodiscard]] Found check_transfers(const Subject& subject, const Partners& partners);

/// All ranks of a group come to its collectives, with the same in hand.
[[nodiscard]] Found check_collectives(const Schedule& schedule, const Meetings& meetings);

/// Rows that collectives move exist on every rank of the group.
[[nodiscard]] Found check_collective_bounds(const Subject& subject, const Meetings& meetings);

/// Accesses of one rank to a row are ordered by its streams and dependencies alone.
[[nodiscard]] Found check_races(const Subject& subject, const Matching& matching);

/// Follows the data: what is read has been written and is what the operation needs.
/// `incomplete` receives what is wrong with results at the end, which is reported last.
[[nodiscard]] Found check_content(const Subject& subject, const Matching& matching,
                                  const std::vector<Index>& order, Found& incomplete);

/// Every unmasked pair of every query head is attended exactly once, and no other.
[[nodiscard]] Found check_pairs(const Subject& subject);

/// Inputs and outputs lie with the rank that owns their tokens; outputs cover everything once.
[[nodiscard]] Found check_homes(const Subject& subject);

}  // namespace hsap::verifier
