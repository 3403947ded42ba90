#include "validate/measure/tables.hpp"

#include <fmt/format.h>

namespace hsap::measure {
namespace {

std::string source_line(const Measured& measured) {
  return "# hsap's kernels alone on one " + measured.machine.name + ", bf16\n";
}

/// "us,spread_us,calls" of a row.
std::string times(const Sample& sample) {
  return fmt::format("{:.3f},{:.3f},{}\n", sample.seconds * 1e6, sample.spread_s * 1e6,
                     sample.calls);
}

std::string text_of(const Skipped& skipped) {
  const bool late = skipped.want == Skipped::Want::time;
  return skipped.what + (late ? ": no time left" : ": does not fit into memory");
}

}  // namespace

std::string kernels_csv(const Measured& measured) {
  std::string table = source_line(measured) +
                      "q_len,kv_len,document,heads,kv_heads,head_dim,mask,pass,us,spread_us,"
                      "calls\n";
  for (const auto& [of, sample] : measured.attention) {
    table += fmt::format("{},{},{},{},{},{},{},{},{}", of.queries, of.keys, of.document,
                         of.heads.query, of.heads.key_value, of.heads.dim,
                         of.causal ? "causal" : "full", to_string(of.pass), times(sample));
  }
  return table;
}

std::string copies_csv(const Measured& measured) {
  std::string table = source_line(measured) + "kernel,bytes,us,spread_us,calls\n";
  for (const auto& [of, sample] : measured.copies) {
    table += fmt::format("{},{:.0f},{}", of.text(), of.bytes(), times(sample));
  }
  return table;
}

json::Ordered machine_json(const Measured& measured) {
  const Machine& machine = measured.machine;
  json::Ordered out{{"schema", "hsap.measurement/1"},
                    {"device", machine.name},
                    {"multiprocessors", machine.multiprocessors},
                    {"memory_bytes", machine.memory_bytes},
                    {"cache_bytes", machine.cache_bytes}};
  for (const auto& [what, value] : machine.facts) out[what] = value;
  if (measured.host) {
    out["host_launch_s"] = measured.host->launch_s;
    out["stream_wait_s"] = measured.host->stream_wait_s;
  }
  out["attention_kernels"] = measured.attention.size();
  out["copies"] = measured.copies.size();
  out["skipped"] = json::Ordered::array();
  for (const Skipped& skipped : measured.skipped) out["skipped"].push_back(text_of(skipped));
  out["seconds"] = measured.seconds;
  return out;
}

}  // namespace hsap::measure
