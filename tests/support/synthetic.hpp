#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "cost/calibrate/calibrate.hpp"
#include "cost/calibrate/kernels.hpp"
#include "cost/calibrate/rounds.hpp"
#include "cost/measurements/read.hpp"
#include "hsap/cost.hpp"
#include "workload/random.hpp"

/// Measurements of a cluster whose numbers are known: what the model says, times 1 + noise, and
/// now and then something far off.
namespace hsap::support {

class Measurer {
 public:
  /// `outliers`: one row in so many takes half as long again; 0 none.
  Measurer(std::uint64_t seed, double noise, int outliers)
      : random_(seed), noise_(noise), outliers_(outliers) {}

  double operator()(double seconds) {
    // Twelve uniform draws less six are near enough to a normal one.
    double normal = -6;
    for (int i = 0; i < 12; ++i) normal += random_.unit();
    seconds *= 1 + noise_ * normal;
    const bool off = outliers_ > 0 && random_.below(static_cast<std::uint64_t>(outliers_)) == 0;
    return off ? 1.5 * seconds : seconds;
  }

 private:
  Random random_;
  double noise_;
  int outliers_;
};

/// Rounds of 8 KB to 1 GB in half octaves.
inline void measure_rounds(const ClusterSpec& truth, int nodes, const std::string& pattern,
                           Measurer& measure, fit::Data& data) {
  const Cluster cluster = *Cluster::build(truth, nodes);
  const std::size_t at = data.pattern_of(*fit::parse_pattern(pattern));
  if (data.files.empty()) data.files.push_back("tables/rounds.csv");
  for (double bytes = 8192; bytes <= 1 << 30; bytes = std::round(bytes * std::sqrt(2.0))) {
    const double seconds = measure(fit::round_seconds(cluster, data.patterns[at], bytes));
    data.transfers.push_back(
        {{0, static_cast<std::int64_t>(data.transfers.size()) + 2}, at, bytes, seconds});
  }
}

inline double kernel_seconds(const Device& device, const fit::KernelRow& row) {
  return attention_seconds(fit::slices_of(row), row.heads, row.head_dim, row.pass, device);
}

/// Kernels of 256 to 64K tokens with 1 and 32 heads, both masks and both passes.
inline void measure_kernels(const Device& truth, Measurer& measure, fit::Data& data) {
  if (data.files.empty()) data.files.push_back("tables/kernels.csv");
  for (int tokens = 256; tokens <= 1 << 16; tokens *= 2) {
    for (const int heads : {1, 8, 32}) {
      for (const bool causal : {false, true}) {
        for (const Pass pass : {Pass::forward, Pass::backward}) {
          fit::KernelRow row{{0, static_cast<std::int64_t>(data.kernels.size()) + 2},
                             tokens,
                             tokens,
                             heads,
                             128,
                             causal,
                             pass,
                             0};
          row.seconds = measure(kernel_seconds(truth, row));
          data.kernels.push_back(row);
        }
      }
    }
  }
}

/// Packed documents of 256 to 4K tokens, and heads of 64.
inline void measure_more_kernels(const Device& truth, Measurer& measure, fit::Data& data) {
  const std::vector<fit::KernelRow> before = data.kernels;
  for (fit::KernelRow row : before) {
    if (row.queries != 1 << 14) continue;
    for (const int head_dim : {64, 128}) {
      for (const int document : {0, 256, 1024, 4096}) {
        if (head_dim == 128 && document == 0) continue;  // is there
        row.place.line = static_cast<std::int64_t>(data.kernels.size()) + 2;
        row.head_dim = head_dim;
        row.document = document;
        row.seconds = measure(kernel_seconds(truth, row));
        data.kernels.push_back(row);
      }
    }
  }
}

/// Kernels that read and write 64 KB to 1 GB.
inline void measure_copies(const Device& truth, Measurer& measure, fit::Data& data) {
  if (data.files.empty()) data.files.push_back("tables/copies.csv");
  for (double bytes = 1 << 16; bytes <= 1 << 30; bytes *= 4) {
    for (const char* kernel : {"copy", "merge"}) {
      const double seconds = truth.kernel_launch_s + bytes / truth.memory_bandwidth_bytes_per_s;
      const auto line = static_cast<std::int64_t>(data.copies.size()) + 2;
      data.copies.push_back({{0, line}, kernel, bytes, measure(seconds)});
    }
  }
}

inline double off_by(double found, double truth) { return std::abs(found / truth - 1); }

}  // namespace hsap::support
