#include "tuner/search_json.hpp"

#include "export/json/strategy.hpp"

namespace hsap {
namespace {

json::Ordered candidate_json(const Candidate& candidate) {
  const bool fits = candidate.outcome == Outcome::feasible || candidate.outcome == Outcome::pruned;
  json::Ordered out;
  out["strategy"] = to_json(candidate.strategy);
  out["replicas"] = candidate.replicas;
  out["feasible"] = fits;
  out["seconds"] = fits ? json::Ordered(candidate.seconds) : json::Ordered();
  out["tokens_per_s"] = fits ? json::Ordered(candidate.tokens_per_s) : json::Ordered();
  const bool has_memory = candidate.peak_bytes > 0;
  out["peak_bytes"] = has_memory ? json::Ordered(candidate.peak_bytes) : json::Ordered();
  const bool plain = candidate.reason.empty();
  out["reason"] = plain ? json::Ordered() : json::Ordered(candidate.reason);
  return out;
}

}  // namespace

json::Ordered search_json(const Search& search) {
  json::Ordered out;
  out["schema"] = "hsap.search/1";
  out["objective"] = search.whole_step ? "step_s" : "attention_s";
  out["candidates"] = json::Ordered::array();
  for (const Candidate& candidate : search.candidates) {
    out["candidates"].push_back(candidate_json(candidate));
  }
  return out;
}

}  // namespace hsap
