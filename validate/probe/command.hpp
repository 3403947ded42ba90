#pragma once

#include <optional>
#include <string>

#include "cli/command.hpp"
#include "cli/options.hpp"

namespace hsap {

/// The flags of `hsap-validate probe` and what it does.
class ProbeCommand {
 public:
  /// Registers `probe write`, `probe check` and `probe gradients`.
  void add(cli::Command& app);
  /// Runs the one that was asked for.
  [[nodiscard]] Status run();

 private:
  void add_problem(cli::Command& command);
  [[nodiscard]] Result<Problem> problem() const;
  [[nodiscard]] Status write() const;
  [[nodiscard]] Status check() const;
  [[nodiscard]] Status gradients() const;

  std::optional<cli::Command> command_;
  std::string directory_;
  std::string documents_;
  cli::ModelOptions model_;
  Mask mask_;
  std::uint64_t seed_ = 1;
  int probes_ = 4;
  int samples_ = 64;
  std::optional<double> tolerance_;
  bool exact_order_ = false;
  cli::OutputOptions out_;
};

}  // namespace hsap
