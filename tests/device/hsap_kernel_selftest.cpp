#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>

#include "device/selftest.hpp"

// hsap-kernel-selftest [--seed N] [--together | --part I]: runs every primitive and every kernel on
// this machine's GPU and compares with the host. Each part is a process of its own with a time
// limit: a kernel that hangs, or leaves the device unusable, spoils no other part. --together runs
// all in one process, --part one of them. Exit code 0 when all agree, 1 when not, 77 without a GPU.
namespace {

constexpr unsigned part_s = 12;

struct Flags {
  std::uint64_t seed = std::random_device{}();
  bool together = false;
  std::optional<std::size_t> part;
};

std::optional<Flags> parse(int count, char** arguments) {
  Flags flags;
  for (int i = 1; i < count; ++i) {
    const bool last = i + 1 == count;
    if (std::strcmp(arguments[i], "--together") == 0) {
      flags.together = true;
    } else if (std::strcmp(arguments[i], "--seed") == 0 && !last) {
      flags.seed = std::strtoull(arguments[++i], nullptr, 10);
    } else if (std::strcmp(arguments[i], "--part") == 0 && !last) {
      flags.part = std::strtoull(arguments[++i], nullptr, 10);
    } else {
      return {};
    }
  }
  return flags;
}

test::Parts all_parts(const hsap::kernels::Device& device, std::uint64_t seed) {
  test::Parts all;
  for (const test::Parts& some : {test::probe_parts(device, seed), test::row_parts(seed, 1000),
                                  test::attention_parts(device, seed, false)}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

struct Counts {
  int passed = 0;
  int failed = 0;
};

/// Tells at once: what comes later may hang.
void tell(const test::Outcome& outcome, Counts& counts) {
  ++(outcome.passed() ? counts.passed : counts.failed);
  std::printf("%-4s  %-72s %9.2g of %7.2g  %s\n", outcome.passed() ? "ok" : "BAD",
              outcome.name.c_str(), outcome.difference, outcome.tolerance, outcome.report.c_str());
  std::fflush(stdout);
}

void run_here(const test::Part& part, Counts& counts) {
  test::Outcomes outcomes;
  try {
    part.check(outcomes);
  } catch (const std::exception& error) {
    outcomes.push_back({part.name, 0, 0, error.what()});
  }
  for (const test::Outcome& outcome : outcomes) tell(outcome, counts);
}

/// This program, for one part; its lines are passed on and counted.
void run_apart(const test::Part& part, std::size_t number, std::uint64_t seed, Counts& counts) {
  char program[4096] = {};
  if (::readlink("/proc/self/exe", program, sizeof program - 1) < 0) return run_here(part, counts);
  const std::string command = "exec '" + std::string(program) + "' --seed " + std::to_string(seed) +
                              " --part " + std::to_string(number);
  std::FILE* lines = ::popen(command.c_str(), "r");
  if (lines == nullptr) return run_here(part, counts);
  char line[4096];
  while (std::fgets(line, sizeof line, lines) != nullptr) {
    counts.passed += std::strncmp(line, "ok ", 3) == 0;
    counts.failed += std::strncmp(line, "BAD ", 4) == 0;
    std::fputs(line, stdout);
    std::fflush(stdout);
  }
  const int status = ::pclose(lines);
  if (WIFEXITED(status) && WEXITSTATUS(status) <= 1) return;
  std::string report = "ended with " + std::to_string(WEXITSTATUS(status));
  if (WIFSIGNALED(status))
    report = std::string("ended by a signal: ") + ::strsignal(WTERMSIG(status));
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
    report = "not through in " + std::to_string(part_s) + " s";
  }
  tell({part.name, 0, 0, report}, counts);
}

}  // namespace

int main(int count, char** arguments) {
  const std::optional<Flags> flags = parse(count, arguments);
  if (!flags) {
    std::fputs("usage: hsap-kernel-selftest [--seed N] [--together | --part I]\n", stderr);
    return 2;
  }
  // A capture must not be what loads a kernel first.
  ::setenv("CUDA_MODULE_LOADING", "EAGER", 0);
  if (flags->part) ::alarm(part_s);
  const auto device = hsap::kernels::current_device();
  if (!device) {
    std::fprintf(stderr, "skipped: %s\n", device.error().text().c_str());
    return 77;
  }
  const test::Parts parts = all_parts(*device, flags->seed);
  Counts counts;
  if (flags->part) {
    run_here(parts.at(*flags->part), counts);
    return counts.failed == 0 ? 0 : 1;
  }
  std::printf("%s, compute capability %d.%d, %d SMs; seed %llu\n", device->name.c_str(),
              device->major, device->minor, device->sms,
              static_cast<unsigned long long>(flags->seed));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (flags->together) {
      run_here(parts[i], counts);
    } else {
      run_apart(parts[i], i, flags->seed, counts);
    }
  }
  std::printf("%d passed, %d failed\n", counts.passed, counts.failed);
  return counts.failed == 0 ? 0 : 1;
}
