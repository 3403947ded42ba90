#include "export/json/prediction.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "export/basis_text.hpp"
#include "export/json/figures.hpp"
#include "export/json/strategy.hpp"
#include "export/option_names.hpp"

namespace hsap {
namespace {

using json::Ordered;

Ordered batch_json(const BatchPrediction& batch) {
  Ordered out;
  out["tokens"] = batch.tokens;
  out["documents"] = batch.documents;
  out["attention"] = to_json(batch.attention);
  out["bound"] = to_json(batch.bound);
  if (batch.step) out["step"] = to_json(*batch.step);
  out["memory"] = to_json(batch.memory);
  out["limit"] = batch.limit;
  out["basis"] = Ordered::array();
  for (const Basis& basis : batch.basis) {
    out["basis"].push_back(
        {{"number", basis.number}, {"basis", to_string(basis.kind)}, {"why", why(basis)}});
  }
  return out;
}

using Fold = Ordered (*)(std::span<const Ordered>);

Ordered mean(std::span<const Ordered> values) {
  double sum = 0;
  for (const Ordered& value : values) sum += value.get<double>();
  return sum / static_cast<double>(values.size());
}

Ordered most(std::span<const Ordered> values) {
  return *std::max_element(values.begin(), values.end(), [](const Ordered& a, const Ordered& b) {
    return a.get<double>() < b.get<double>();
  });
}

/// Folds every number over values of one shape; a number that some lack counts as 0 there, and
/// what is no number is left out.
Ordered fold_members(std::span<const Ordered> values, Fold fold) {
  Ordered out = Ordered::object();
  for (const auto& [key, first] : values.front().items()) {
    if (!first.is_number() && !first.is_object()) continue;
    std::vector<Ordered> members;
    for (const Ordered& value : values) {
      members.push_back(value.value(key, first.is_object() ? Ordered::object() : Ordered(0)));
    }
    out[key] = first.is_object() ? fold_members(members, fold) : fold(members);
  }
  return out;
}

}  // namespace

Ordered prediction_json(const Prediction& prediction, const Cluster& cluster, double wall_s) {
  std::vector<Ordered> batches;
  std::uint64_t events = 0;
  for (const BatchPrediction& batch : prediction.batches) {
    batches.push_back(batch_json(batch));
    events += batch.events;
  }
  Ordered out;
  out["schema"] = "hsap.prediction/1";
  out["cluster"] = {{"name", cluster.spec().name},
                    {"nodes", cluster.nodes()},
                    {"gpus_per_node", cluster.gpus_per_node()}};
  out["ranks"] = prediction.ranks;
  out["replicas"] = prediction.replicas;
  out["global_batch"] = std::int64_t{prediction.replicas} * prediction.sharing.accumulation;
  out["strategy"] = to_json(prediction.strategy);
  out["batches"] = batches;
  if (prediction.step) out["step"] = to_json(*prediction.step);
  out["summary"] = Ordered::object();
  if (!batches.empty()) {
    out["summary"] = {{"mean", fold_members(batches, mean)}, {"max", fold_members(batches, most)}};
  }
  out["simulator"] = {{"events", events}, {"wall_s", wall_s}};
  return out;
}

}  // namespace hsap
