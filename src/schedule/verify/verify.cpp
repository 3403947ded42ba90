#include "hsap/verify.hpp"

#include <fmt/format.h>

#include <array>

#include "schedule/verify/stages.hpp"

namespace hsap {
namespace {

using namespace verifier;

constexpr std::array<std::string_view, 11> flaw_names{
    "malformed",         "outside_buffer", "unmatched_transfer", "deadlock",         "race",
    "read_before_write", "wrong_content",  "wrong_pairs",        "misplaced_output", "incomplete",
    "not_saved"};

Found first_flaw(const Schedule& schedule, const Problem& problem) {
  Token stride = 1;
  if (Found found = check_arrays(schedule, problem, stride)) return found;
  if (Found found = check_operands(schedule)) return found;
  Subject subject{schedule, problem, Positions(schedule.tokens, stride), {}, {}, {}};
  if (Found found = lay_out_rows(subject)) return found;
  if (Found found = check_bounds(subject)) return found;
  const Matching matching{find_partners(schedule), find_meetings(schedule)};
  if (Found found = check_transfers(subject, matching.transfers)) return found;
  if (Found found = check_collectives(schedule, matching.collectives)) return found;
  if (Found found = check_collective_bounds(subject, matching.collectives)) return found;
  std::vector<Index> order;
  if (Found found = order_operations(subject, matching, order)) return found;
  if (Found found = check_races(subject, matching)) return found;
  Found incomplete;
  if (Found found = check_content(subject, matching, order, incomplete)) return found;
  if (Found found = check_pairs(subject)) return found;
  if (Found found = check_homes(subject)) return found;
  return incomplete;
}

}  // namespace

std::string_view to_string(Flaw flaw) {
  const auto at = static_cast<std::size_t>(flaw);
  return at < flaw_names.size() ? flaw_names[at] : "?";
}

std::string Finding::text() const {
  std::string text = fmt::format("{}: {}", to_string(flaw), message);
  if (!printed.empty()) text += "\n  " + printed;
  return text;
}

std::optional<Finding> verify(const Schedule& schedule, const Problem& problem) {
  Found found = first_flaw(schedule, problem);
  if (found && found->operation) {
    found->printed = line_of(schedule, schedule.operations[*found->operation]);
  }
  return found;
}

}  // namespace hsap
