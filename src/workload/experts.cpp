#include <fmt/format.h>

#include <algorithm>

#include "hsap/model.hpp"

namespace hsap {

Status check_expert_parallel(const Model& model, int degree, int gpus) {
  if (degree == 1) return {};
  if (model.experts == 0) {
    return bad_input("a model without experts", std::to_string(degree), "an expert_parallel of 1");
  }
  if (degree < 1 || model.experts % degree != 0) {
    return bad_input("experts cannot be shared out evenly", std::to_string(degree),
                     fmt::format("a divisor of {} experts", model.experts));
  }
  if (gpus % degree == 0) return {};
  return infeasible(
      fmt::format("experts over {} GPUs do not divide the {} of a stage", degree, gpus));
}

Result<int> groups_together(int expert_parallel, int group_gpus) {
  if (group_gpus % expert_parallel != 0 && expert_parallel % group_gpus != 0) {
    return infeasible(fmt::format("experts over {} GPUs neither divide nor fill groups of {} GPUs",
                                  expert_parallel, group_gpus));
  }
  return std::max(1, expert_parallel / group_gpus);
}

}  // namespace hsap
