#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "hsap/verify.hpp"
#include "support/random_problem.hpp"

namespace hsap::test {

using support::Random;

/// A change that makes any schedule wrong to which it applies, and the flaws it may show as.
struct Mutation {
  std::string name;
  std::set<Flaw> flaws;
  /// Changes the schedule; false when it has nothing that the mutation is about.
  std::function<bool(Schedule&, Random&)> apply;
};

/// The catalogue of mistakes.
[[nodiscard]] const std::vector<Mutation>& mutations();

/// Gives an input of a backward schedule a token that its rank does not hold; false when it has it
/// already.
bool take_foreign_token(Schedule& schedule, Random& random);

}  // namespace hsap::test
