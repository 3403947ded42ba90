#include "export/json/figures.hpp"

#include <algorithm>
#include <cmath>

namespace hsap {
namespace {

/// JSON objects have no order, so the order of a breakdown is defined by its content.
Breakdown sorted(Breakdown parts) {
  std::sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  return parts;
}

}  // namespace

json::Ordered to_json(const Breakdown& breakdown) {
  json::Ordered out = json::Ordered::object();
  for (const auto& [name, value] : sorted(breakdown)) out[name] = value;
  return out;
}

json::Ordered to_json(const AttentionTimes& attention) {
  json::Ordered out;
  out["forward_s"] = attention.forward_s;
  out["backward_s"] = attention.backward_s;
  out["compute_s"] = attention.compute_s;
  out["communication_s"] = attention.communication_s;
  out["exposed_communication_s"] = attention.exposed_communication_s;
  out["bytes_sent"] = attention.bytes_sent;
  out["bytes_sent_inter_node"] = attention.bytes_sent_inter_node;
  out["imbalance"] = attention.imbalance;
  return out;
}

json::Ordered to_json(const Bound& bound) {
  json::Ordered out;
  out["compute_s"] = bound.compute_s;
  out["intra_node_s"] = bound.intra_node_s;
  out["inter_node_s"] = bound.inter_node_s;
  out["total_s"] = bound.total_s;
  return out;
}

json::Ordered to_json(const StepTimes& step) {
  json::Ordered out;
  out["seconds"] = step.seconds;
  out["tokens_per_s"] = step.tokens_per_s;
  out["mfu"] = step.mfu;
  out["breakdown"] = to_json(step.breakdown);
  return out;
}

json::Ordered to_json(const Memory& memory) {
  json::Ordered parts = json::Ordered::object();
  for (const auto& [name, bytes] : sorted(memory.breakdown)) parts[name] = std::llround(bytes);
  json::Ordered out;
  out["peak_bytes"] = memory.peak_bytes;
  out["breakdown"] = std::move(parts);
  if (memory.offloaded_bytes > 0) out["offloaded_bytes"] = memory.offloaded_bytes;
  return out;
}

Breakdown read_breakdown(json::Object& parent, const std::string& key) {
  Breakdown parts;
  json::Object object = parent.object(key);
  const json::Value* raw = parent.raw(key);
  if (raw == nullptr || !raw->is_object()) return parts;
  for (const auto& [name, unused] : raw->items()) {
    parts.emplace_back(name, object.number(name));
  }
  return sorted(std::move(parts));
}

AttentionTimes read_attention(json::Object object) {
  AttentionTimes out;
  out.forward_s = object.number("forward_s", json::not_negative);
  out.backward_s = object.number("backward_s", json::not_negative);
  out.compute_s = object.number("compute_s", json::not_negative);
  out.communication_s = object.number("communication_s", json::not_negative);
  out.exposed_communication_s = object.number("exposed_communication_s", json::not_negative);
  out.bytes_sent = object.integer("bytes_sent", 0, most_figure_bytes);
  out.bytes_sent_inter_node = object.integer("bytes_sent_inter_node", 0, most_figure_bytes);
  out.imbalance = object.number("imbalance", json::not_negative);
  object.done();
  return out;
}

Bound read_bound(json::Object object) {
  Bound out;
  out.compute_s = object.number("compute_s", json::not_negative);
  out.intra_node_s = object.number("intra_node_s", json::not_negative);
  out.inter_node_s = object.number("inter_node_s", json::not_negative);
  out.total_s = object.number("total_s", json::not_negative);
  object.done();
  return out;
}

StepTimes read_step(json::Object object) {
  StepTimes out;
  out.seconds = object.number("seconds", json::not_negative);
  out.tokens_per_s = object.number("tokens_per_s", json::not_negative);
  out.mfu = object.number("mfu", json::not_negative);
  out.breakdown = read_breakdown(object, "breakdown");
  object.done();
  return out;
}

Memory read_memory(json::Object object) {
  Memory out;
  out.peak_bytes = object.integer("peak_bytes", 0, most_figure_bytes);
  out.breakdown = read_breakdown(object, "breakdown");
  out.offloaded_bytes = object.integer_or("offloaded_bytes", 0, 0, most_figure_bytes);
  object.done();
  return out;
}

}  // namespace hsap
