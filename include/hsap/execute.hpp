#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hsap/schedule.hpp"
#include "hsap/status.hpp"
#include "hsap/strategy.hpp"

namespace hsap {

/// The rows of one role for a whole batch, float64, shape [tokens, heads, width] row-major.
/// Width is the head dimension, or 1 for lse and delta.
struct Tensor {
  Token tokens = 0;
  int heads = 0;
  int width = 0;
  std::vector<double> values;

  Tensor() = default;
  /// Filled with `value`.
  Tensor(Token tokens, int heads, int width, double value = 0);

  [[nodiscard]] bool empty() const { return values.empty(); }
  /// The `width` numbers of one token and head.
  [[nodiscard]] std::span<double> row(Token token, int head);
  [[nodiscard]] std::span<const double> row(Token token, int head) const;

  friend bool operator==(const Tensor&, const Tensor&) = default;
};

/// Everything that attention of one batch reads and makes, by role.
struct Tensors {
  std::array<Tensor, buffer_roles> by_role;

  [[nodiscard]] Tensor& operator[](Role role) { return by_role[static_cast<std::size_t>(role)]; }
  [[nodiscard]] const Tensor& operator[](Role role) const {
    return by_role[static_cast<std::size_t>(role)];
  }
};

/// q, k, v and do with repeatable numbers in (-1, 1), each exact in bf16, so that rounding of the
/// inputs is no part of an error.
[[nodiscard]] Tensors random_inputs(const Problem& problem, std::uint64_t seed);

/// Attention on one device in float64, the truth for everything else: fills o, lse and delta from
/// q, k and v (delta from do where that is given), and with `do` also dq, dk and dv. Softmax scale
/// 1 / sqrt(head_dim). Shares no code with the planner but the mask: a query's keys are found by
/// mask rule and document, not by slices.
void reference_attention(const Problem& problem, Tensors& tensors);

/// In what numbers an executor computes.
enum class Arithmetic : std::uint8_t {
  fp32,  ///< buffers in the dtype that the schedule gives them, sums in float32
  fp64,  ///< buffers and sums in float64 whatever the schedule says: tests the schedule alone
};

struct ExecuteOptions {
  Arithmetic arithmetic = Arithmetic::fp32;
  /// A rank that waits longer than this for others ends the run with a report.
  double patience_s = 60;
};

/// When an operation ran, on the device's clock from the begin of the run. Ranks with a device each
/// have a clock each, which starts when their neighbours are ready.
struct OperationTime {
  Index operation = 0;
  double begin_s = 0;   ///< in the last repeat
  double seconds = 0;   ///< median over the repeats
  double spread_s = 0;  ///< slowest less fastest repeat
};

/// What a run took place on, by name: {"device", "NVIDIA H100 80GB HBM3"}, {"cuda", "13.0"}.
using Setup = std::vector<std::pair<std::string, std::string>>;

/// What a run did, as counted while it ran. Nothing here is computed from the schedule beforehand.
struct Execution {
  /// Bytes of message payload, [from * ranks + to]; messages of a rank to itself on the diagonal.
  /// A collective counts what its ring algorithm moves between neighbours.
  std::vector<std::int64_t> bytes_sent;
  std::vector<std::int64_t> peak_buffer_bytes;     ///< by rank: memory taken for buffers
  std::array<double, operation_kinds> kernel_s{};  ///< by Kind, summed over ranks; of this host
  double wall_s = 0;
  std::vector<OperationTime> times;  ///< in the order of issue; of executors on a GPU
  std::vector<double> run_s;         ///< by repeat: until the last operation ended; likewise
  /// Most memory taken at once on the fullest device: buffers, lists and scratch.
  std::int64_t device_bytes = 0;
  /// What is in use of the fullest device, as it says itself: with its context, code and whatever
  /// else runs there.
  std::int64_t used_bytes = 0;
  Setup setup;  ///< of executors on a GPU

  [[nodiscard]] std::int64_t sent(Rank from, Rank to) const;
};

/// Runs a schedule on this machine, ranks as threads with memory of their own that exchange real
/// messages. Reads the inputs from `tensors` (q, k, v; backward also o, lse and do) and writes the
/// rows of its outputs and saved buffers there (o and lse; dq, dk and dv). It does what the
/// operations say and nothing else, and leaves `tensors` as it was when it fails.
///
/// The schedule must be well-formed in the sense of verify(): indices and rows in range.
/// Errors (infeasible): ranks that wait for each other, with who waits for whom in what operation.
[[nodiscard]] Result<Execution> execute(const Schedule& schedule, Tensors& tensors,
                                        const ExecuteOptions& options = {});

}  // namespace hsap
