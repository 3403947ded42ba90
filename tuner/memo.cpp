#include "tuner/memo.hpp"

#include <fmt/format.h>

namespace hsap {

Result<AttentionMemo::Known> AttentionMemo::get(std::size_t batch, const Strategy& strategy,
                                                int tensor_parallel, const Simulate& simulate) {
  const std::string key = fmt::format("{} T{} {}", batch, tensor_parallel, to_string(strategy));
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(key); found != known_.end()) return found->second;
  }
  // Two that ask for the same at once simulate it twice, to the same end.
  HSAP_TRY(SimulatedAttention attention, simulate());
  Known known = std::make_shared<const SimulatedAttention>(std::move(attention));
  const std::lock_guard lock(mutex_);
  known_.emplace(key, known);
  return known;
}

}  // namespace hsap
