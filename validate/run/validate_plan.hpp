#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hsap/execute.hpp"
#include "hsap/plan.hpp"
#include "validate/probe/gradients.hpp"
#include "validate/run/compare.hpp"
#include "validate/run/times.hpp"
#include "validate/run/traffic.hpp"

namespace hsap::validation {

struct RunOptions {
  int batch = 0;
  bool window = false;         ///< of layers that have one
  Token tokens = 1024;         ///< the batch is shrunk to so many
  std::optional<Dtype> dtype;  ///< in place of the plan's
  Arithmetic arithmetic = Arithmetic::fp32;
  /// Relative error; 0: 1e-2 where bf16 travels, 3e-2 where partial gradients add up in it, 2e-6 in
  /// fp32, 1e-10 in fp64.
  double tolerance = 0;
  int leaks = 0;                                           ///< documents to perturb
  QueryGradients query_gradients = QueryGradients::exact;  ///< of the executor
  int gradients = 0;  ///< places in each of q, k and v to hold against central differences
  std::uint64_t seed = 1;
  double patience_s = 60;
  /// What runs a schedule; execute() unless another executor takes its place.
  std::function<Result<Execution>(const Schedule&, Tensors&, const ExecuteOptions&)> executor =
      execute;
  std::string executor_name = "host";          ///< as --executor has it
  std::string where = "threads of this host";  ///< what the ranks are, for people
  bool compares = true;  ///< results with the truth; false for runs that only measure
  /// Whether this process tells the result, which it then has whole. False for those that take part
  /// in the run of another one: they compare nothing.
  bool tells = true;
  /// Hears what comes next, the number of it, and how many there are.
  std::function<void(const std::string& what, std::size_t number, std::size_t total)> progress =
      [](const std::string&, std::size_t, std::size_t) {};
  /// What times are predicted for, where the executor measures them.
  std::optional<Machine> machine;
};

/// One pass as it ran.
struct PassRun {
  Schedule schedule;
  LinkBytes predicted;
  LinkBytes measured;
  std::vector<std::int64_t> planned_buffer_bytes;   ///< by rank
  std::vector<std::int64_t> measured_buffer_bytes;  ///< by rank
  /// Buffers of the fullest device, where ranks have one.
  std::int64_t planned_device_bytes = 0;
  std::optional<PassTimes> times;  ///< where the executor measures them
  Execution execution;

  [[nodiscard]] bool bytes_agree() const;
};

struct Validation {
  Problem problem;  ///< as it ran
  Token planned_tokens = 0;
  bool other_layers = false;  ///< the model has some whose mask is another
  Strategy strategy;
  Arithmetic arithmetic = Arithmetic::fp32;
  std::string executor;            ///< as --executor has it
  std::string where;               ///< what the ranks were
  std::optional<Machine> machine;  ///< what times are predicted for; none where they are not
  double tolerance = 0;
  bool compared = true;  ///< with the truth; otherwise there are no errors of tensors
  std::vector<PassRun> passes;
  std::vector<TensorError> errors;
  std::vector<GradientError> gradients;
  std::vector<int> perturbed;  ///< documents
  std::vector<Leak> leaks;

  /// Every tensor and gradient within tolerance, no leak, and bytes and memory as predicted (but in
  /// float64, where everything is wider than the schedule says).
  [[nodiscard]] bool right() const;
};

/// Runs a batch of the plan by the executor of the options and compares with the truth. Every
/// schedule is verified before it runs. Errors: the plan has no such batch or layers (bad_input),
/// the strategy does not fit the shrunk batch or dtype, a schedule is wrong, ranks wait for each
/// other (infeasible); those of predict() and of the executor.
[[nodiscard]] Result<Validation> validate_plan(const Plan& plan, const RunOptions& options);

}  // namespace hsap::validation
