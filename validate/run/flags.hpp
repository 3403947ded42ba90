#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.hpp"
#include "cli/options.hpp"
#include "validate/run/validate_plan.hpp"

namespace hsap::validation {

/// What runs a plan.
enum class Executor : std::uint8_t { host, mpi, local, nccl };
[[nodiscard]] std::string_view to_string(Executor executor);
[[nodiscard]] Result<Executor> parse_executor(const std::string& text);

/// The flags of `hsap-validate run`.
class RunFlags {
 public:
  void add(cli::Command& app);
  /// Errors (bad_input): a flag that the executor does not use, or one that means nothing beside
  /// another.
  [[nodiscard]] Status check() const;

  std::string plan;
  Executor executor = Executor::host;
  RunOptions options;
  std::string cluster;  ///< empty: what the executor predicts for otherwise
  int repeats = 1;
  bool graph = false;
  bool serialise = false;
  bool times_only = false;
  int ranks = 0;
  std::string rendezvous;
  int max_sms = 0;
  int max_ctas = 0;
  bool urgent_communication = false;
  std::string keep;  ///< path, "-" for stdout, or empty
  cli::OutputOptions out;

 private:
  struct Limited {
    cli::Flag option;
    std::vector<Executor> executors;  ///< that use it
  };
  void limit(const cli::Flag& option, std::initializer_list<Executor> executors) {
    limited_.push_back({option, executors});
  }
  void add_problem(cli::Command& run);
  void add_executor(cli::Command& run);

  std::vector<Limited> limited_;
};

}  // namespace hsap::validation
