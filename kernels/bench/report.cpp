#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "kernels/bench/bench.hpp"

namespace hsap::bench {
namespace {

nlohmann::ordered_json json_of(const Row& row, const Limits& limits) {
  return {{"kernel", row.kernel}, {"what", row.what},          {"tokens", row.tokens},
          {"heads", row.heads},   {"kv_heads", row.key_heads}, {"head_dim", row.head_dim},
          {"mask", row.mask},     {"packed", row.packed},      {"seconds", row.seconds},
          {"flop", row.flop},     {"bytes", row.bytes},        {"floor_s", limits.floor_s(row)}};
}

}  // namespace

std::string text(const char* format, double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

std::string calibration(const std::vector<Row>& rows, const std::string& device) {
  std::string table = "# hsap-kernel-bench: hsap's kernels alone on one " + device + ", bf16\n" +
                      "q_len,kv_len,heads,head_dim,mask,pass,us\n";
  for (const Row& row : rows) {
    if (row.flop == 0 || row.packed) continue;
    const std::string tokens = std::to_string(row.tokens);
    for (const std::string& field : {tokens, tokens, std::to_string(row.heads),
                                     std::to_string(row.head_dim), row.mask, row.kernel}) {
      table.append(field).append(",");
    }
    table.append(text("%.3f", row.seconds * 1e6)).append("\n");
  }
  return table;
}

std::string report(const std::vector<Row>& rows, const Limits& limits,
                   const kernels::Device& device) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Row& row : rows) list.push_back(json_of(row, limits));
  const nlohmann::ordered_json document = {{"schema", "hsap.kernel_bench/1"},
                                           {"device", device.name},
                                           {"sms", device.sms},
                                           {"flop_per_s", limits.flop_per_s},
                                           {"copy_bytes_per_s", limits.bytes_per_s},
                                           {"rows", std::move(list)}};
  return document.dump(1) + "\n";
}

double Limits::floor_s(const Row& row) const {
  return std::max(row.flop / flop_per_s, row.bytes / bytes_per_s);
}

}  // namespace hsap::bench
