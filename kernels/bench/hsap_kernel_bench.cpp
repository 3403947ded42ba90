#include <chrono>
#include <cstdio>
#include <exception>

#include "base/files.hpp"
#include "cli/flags.hpp"
#include "kernels/bench/bench.hpp"

using namespace hsap;

namespace {

void print(const bench::Row& row, const bench::Limits& limits) {
  const double floor = limits.floor_s(row);
  const std::string rate = row.flop > 0
                               ? bench::text("%.0f TFLOP/s", row.flop / row.seconds * 1e-12)
                               : bench::text("%.0f GB/s", row.bytes / row.seconds * 1e-9);
  std::printf("%-10s  %-36s %3d/%-3d %4d %12.1f %14s %12.1f %7.2f\n", row.kernel.c_str(),
              row.what.c_str(), row.heads, row.key_heads, row.head_dim, row.seconds * 1e6,
              rate.c_str(), floor * 1e6, row.seconds / floor);
}

/// What large bf16 matrix products reach, as measured by others.
double matrix_rate(const kernels::Device& device) {
  if (device.major == 8 && device.minor == 0) return 271e12;
  if (device.major == 10) return 1745e12;
  return 795e12;
}

struct Files {
  std::string json;
  std::string csv;
  bool force = false;
};

Status write(const Files& files, const std::vector<bench::Row>& rows, const bench::Limits& limits,
             const kernels::Device& device, bool force) {
  if (!files.json.empty()) {
    HSAP_CHECK(write_file(files.json, bench::report(rows, limits, device), force));
  }
  if (files.csv.empty()) return {};
  return write_file(files.csv, bench::calibration(rows, device.name), force);
}

/// Rows are printed and written as they come, since a later kernel may hang.
int time_all(const kernels::Device& device, bench::Options options, double budget_s,
             const Files& files) {
  const bench::Setup setup(device);
  const bench::Limits limits{matrix_rate(device), copy_bandwidth(setup)};
  std::printf("%s: matrix products at %.0f TFLOP/s, copies at %.0f GB/s\n", device.name.c_str(),
              limits.flop_per_s * 1e-12, limits.bytes_per_s * 1e-9);
  std::printf("%-10s  %-36s %7s %4s %12s %14s %12s %7s\n", "kernel", "what", "heads", "dim", "us",
              "rate", "floor us", "x floor");
  std::vector<bench::Row> rows;
  Status written = write(files, rows, limits, device, files.force);
  if (!written) {
    std::fprintf(stderr, "hsap-kernel-bench: %s\n", written.error().text().c_str());
    return 2;
  }
  options.measured = [&](const bench::Row& row) {
    print(row, limits);
    std::fflush(stdout);
    rows.push_back(row);
    written = write(files, rows, limits, device, true);
  };
  bool in_time = true;
  options.goes_on = [&in_time, budget_s, begin = std::chrono::steady_clock::now()] {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    return in_time = budget_s <= 0 || taken.count() < budget_s;
  };
  bool failed = false;
  try {
    time_attention(setup, options);
    if (options.wants("rows")) time_rows(setup, options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hsap-kernel-bench: %s\n", error.what());
    failed = true;
  }
  if (!in_time) std::printf("skipped the rest for want of time (--budget)\n");
  if (written) return failed ? 1 : 0;
  std::fprintf(stderr, "hsap-kernel-bench: %s\n", written.error().text().c_str());
  return 2;
}

Result<std::string> parse_kind(const std::string& text) {
  if (text == "forward" || text == "backward" || text == "rows") return text;
  return bad_input("no such kernels", "'" + text + "'", "forward, backward or rows");
}

int run(int count, char** arguments) {
  cli::Command app("hsap-kernel-bench", "Times every kernel on this machine's GPU");
  bench::Options options;
  Files files;
  double budget_s = 0;
  bool portable = false;
  app.add_flag("--portable", portable, "attention kernels of sm_80 on any device");
  cli::add_parsed(app, "--only", options.only, parse_kind, "forward|backward|rows",
                  "these kernels alone");
  app.add_flag("--quick", options.quick, "a few cases of each kind");
  cli::add_integer(app, "--max-sms", options.max_sms, 1, 1024, "N",
                   "as many blocks as fill so many SMs");
  cli::add_integer(app, "--budget", budget_s, 1, 3600, "SECONDS", "begin no kernel after so long");
  app.add_option("--json", files.json, "all rows");
  app.add_option("--csv", files.csv, "rows for hsap-topo calibrate --kernels");
  app.add_flag("--force", files.force, "replace files");
  if (const auto code = app.parse(count, arguments)) return *code;
  auto device = kernels::current_device();
  if (!device) {
    std::fprintf(stderr, "skipped: %s\n", device.error().text().c_str());
    return 77;
  }
  if (portable) device->family = kernels::Family::portable;
  return time_all(*device, options, budget_s, files);
}

}  // namespace

/// Exit codes: 0 done, 1 a kernel failed, 2 bad use, 77 no GPU.
int main(int count, char** arguments) {
  try {
    return run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hsap-kernel-bench: %s\n", error.what());
    return 1;
  }
}
