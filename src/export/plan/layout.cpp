#include "export/plan/layout.hpp"

#include "hsap/compile.hpp"

namespace hsap {

json::Ordered layout_json(const Plan& plan, int batch) {
  const Problem problem = problem_of(plan, batch);
  json::Ordered out;
  out["schema"] = "hsap.layout/1";
  out["tokens"] = problem.batch.tokens();
  out["documents"] = problem.batch.lengths;
  out["mask"] = to_string(problem.mask);
  out["slices"] = json::Ordered::array();
  for (const Slice& slice : lower(problem.mask, problem.batch)) {
    out["slices"].push_back({slice.query.begin, slice.query.end, slice.key.begin, slice.key.end,
                             to_string(slice.kind)});
  }
  out["shards"] = json::Ordered::array();
  for (const Intervals& shard :
       shard_tokens(plan.strategy.layout, problem, plan.strategy.context_parallel)) {
    json::Ordered intervals = json::Ordered::array();
    for (const Interval& interval : shard) {
      intervals.push_back({interval.begin, interval.end, interval.stride});
    }
    out["shards"].push_back(std::move(intervals));
  }
  return out;
}

}  // namespace hsap
