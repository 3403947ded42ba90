#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cost/measurements/data.hpp"

namespace hsap::fit {

/// What one run of a program of nccl-tests says, in either form.
struct NcclLog {
  struct Rank {
    int rank = 0;
    std::string host;
    int device = 0;  ///< on that host
    int group = 0;   ///< ranks of one group have a communicator of their own
  };
  struct Row {
    std::int64_t line = 0;  ///< 0 in JSON
    double bytes = 0;
    double seconds = 0;  ///< out of place; in place where that is not there
  };
  std::string test;  ///< "sendrecv", "all_gather"
  std::vector<Rank> ranks;
  std::vector<Row> rows;
};

/// Text as printed. Errors: no header, or two, a row cut short, numbers that contradict each other,
/// no closing line.
[[nodiscard]] Result<NcclLog> read_nccl_text(const std::string& path);

/// JSON as written by -J.
[[nodiscard]] Result<NcclLog> read_nccl_json(const std::string& path);

/// The test that a program or file name speaks of, or nothing: "sendrecv" of
/// "/opt/sendrecv_perf_mpi".
[[nodiscard]] std::string test_named(const std::string& text);

/// Seconds of a row whose time is the host's (-C 1), by its rate; nothing where too little of that
/// is printed.
[[nodiscard]] std::optional<double> seconds_by_rate(double bytes, double gigabytes_per_s);

/// Whether bytes, time and rate of a row go together, as far as they are printed.
[[nodiscard]] bool consistent(double bytes, double microseconds, double gigabytes_per_s);

/// More ranks than this are refused.
inline constexpr int max_ranks = 65536;

}  // namespace hsap::fit
