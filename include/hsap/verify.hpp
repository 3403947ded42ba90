#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hsap/mask.hpp"
#include "hsap/schedule.hpp"
#include "hsap/strategy.hpp"

namespace hsap {

/// What is wrong with a schedule. In the order in which the verifier looks.
enum class Flaw : std::uint8_t {
  malformed,           ///< an index, interval or head out of range, a wrong operand
  outside_buffer,      ///< an operation touches rows its buffer does not hold
  unmatched_transfer,  ///< a send without its receive, or other bytes or content at the two ends
  deadlock,            ///< a cycle of operations that wait for each other
  race,                ///< two unordered operations touch a row and one writes it
  read_before_write,   ///< a row is read that nothing has written
  wrong_content,       ///< a row holds, or is read expecting, something else than complete data
  wrong_pairs,         ///< an unmasked pair never or twice attended, or a masked one attended
  misplaced_output,    ///< an output row missing, doubled, or away from its token's home; an input
                       ///< of the forward pass (or dO) away from it
  incomplete,          ///< an output or saved row lacks a contribution or has one twice
  not_saved,           ///< backward takes as given what forward does not leave on that rank
};
[[nodiscard]] std::string_view to_string(Flaw flaw);

struct Finding {
  Flaw flaw = Flaw::malformed;
  std::string message;             ///< a sentence with the tokens, heads and ranks concerned
  std::optional<Index> operation;  ///< first offending operation
  std::string printed;             ///< that operation as the printer shows it
  [[nodiscard]] std::string text() const;
};

/// Proves that the schedule computes attention (or its gradients) of the problem: whatever the
/// timing, nothing deadlocks or races, every unmasked (query, key) pair of every head is attended
/// exactly once, and every result is complete where it belongs. Returns the first flaw in the
/// order of Flaw, lowest operation first; nothing when the schedule is right.
///
/// Content and pairs are compared by fingerprints of about 60 bits, so a wrong schedule passes with
/// a chance of about 2^-30 at most. Linear in the schedule but for sorting, for pieces of buffers,
/// and for collectives, which take the square of their group.
///
/// A backward schedule alone is not proven in one respect: its inputs q, k, v, o and lse are taken
/// to be where it says that they are. check_saved() holds them against the forward schedule.
///
/// The schedule may come from a stranger: no input crashes it, and memory stays proportional to
/// the schedule (times the heads at worst).
[[nodiscard]] std::optional<Finding> verify(const Schedule& schedule, const Problem& problem);

/// Proves that a backward schedule finds what its forward schedule left: every (token, head) of its
/// inputs q, k, v, o and lse lies on that rank in an input, output or saved buffer of the same role
/// and dtype, and every rank owns the same tokens in both. Both must be right by verify() for one
/// problem. Striped tokens must have the same stride in both.
[[nodiscard]] std::optional<Finding> check_saved(const Schedule& forward, const Schedule& backward);

}  // namespace hsap
