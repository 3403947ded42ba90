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
/// a chance of about 2^-30 at most. Linear in the schedule but for sorting and for pieces of
/// buffers.
///
/// The schedule may come from a stranger: no input crashes it, and memory stays proportional to
/// the schedule (times the heads at worst).
[[nodiscard]] std::optional<Finding> verify(const Schedule& schedule, const Problem& problem);

}  // namespace hsap
