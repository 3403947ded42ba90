#pragma once

#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "hsap/verify.hpp"

namespace hsap::verifier {

/// What a stage of the verifier answers: a flaw, or nothing.
using Found = std::optional<Finding>;

/// "No operation" where an index is stored.
inline constexpr Index none = std::numeric_limits<Index>::max();

/// A finding; the printed operation is filled in at the end by verify().
[[nodiscard]] inline Finding flawed(Flaw flaw, std::string message,
                                    std::optional<Index> operation = std::nullopt) {
  return {flaw, std::move(message), operation, {}};
}

/// Keeps the finding of the lowest operation among those reported.
class Lowest {
 public:
  explicit Lowest(Flaw flaw) : flaw_(flaw) {}

  /// `message` is called only when the finding is kept.
  template <typename Message>
  void report(Index operation, Message message) {
    if (found_ && *found_->operation <= operation) return;
    found_ = flawed(flaw_, message(), operation);
  }
  [[nodiscard]] const Found& found() const { return found_; }

 private:
  Flaw flaw_;
  Found found_;
};

}  // namespace hsap::verifier
