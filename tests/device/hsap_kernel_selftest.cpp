#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "device/selftest.hpp"

/// hsap-kernel-selftest [--seed N]: runs every primitive and every kernel on this machine's GPU and
/// compares with the host. Exit code 0 when all agree, 1 when not, 77 without a GPU.
int main(int count, char** arguments) {
  std::uint64_t seed = std::random_device{}();
  if (count == 3 && std::strcmp(arguments[1], "--seed") == 0) {
    seed = std::strtoull(arguments[2], nullptr, 10);
  } else if (count != 1) {
    std::fputs("usage: hsap-kernel-selftest [--seed N]\n", stderr);
    return 2;
  }
  const auto device = hsap::kernels::current_device();
  if (!device) {
    std::fprintf(stderr, "skipped: %s\n", device.error().text().c_str());
    return 77;
  }
  std::printf("%s, compute capability %d.%d, %d SMs; seed %llu\n", device->name.c_str(),
              device->major, device->minor, device->sms, static_cast<unsigned long long>(seed));
  test::Outcomes outcomes;
  try {
    test::check_probes(*device, seed, outcomes);
    test::check_rows(seed, 1000, outcomes);
    test::check_attention(*device, seed, false, outcomes);
  } catch (const std::exception& error) {
    outcomes.push_back({"the program itself", 0, 0, error.what()});
  }
  for (const test::Outcome& outcome : outcomes) {
    std::printf("%-4s  %-72s %9.2g of %7.2g  %s\n", outcome.passed() ? "ok" : "BAD",
                outcome.name.c_str(), outcome.difference, outcome.tolerance,
                outcome.report.c_str());
  }
  const auto passed = std::count_if(outcomes.begin(), outcomes.end(),
                                    [](const test::Outcome& outcome) { return outcome.passed(); });
  const auto failed = static_cast<std::ptrdiff_t>(outcomes.size()) - passed;
  std::printf("%td passed, %td failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
