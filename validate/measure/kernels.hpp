#pragma once

#include <string>
#include <vector>

#include "cost/measurements/data.hpp"
#include "validate/measure/stopwatch.hpp"

namespace hsap::measure {

/// One attention kernel to be timed: equal documents packed one after the other, each a dense or
/// causal slice.
struct AttentionCase {
  Token queries = 0;   ///< of all documents
  Token keys = 0;      ///< of all documents
  Token document = 0;  ///< queries of each; 0: all are one
  Heads heads;
  bool causal = false;
  Pass pass = Pass::forward;

  /// As a table of measurements holds it.
  [[nodiscard]] fit::KernelRow row(double seconds = 0) const;
  /// Arithmetic of the unmasked pairs.
  [[nodiscard]] double flop() const;
  [[nodiscard]] std::string text() const;
};

/// What tells most of the cost model first: whole kernels of both passes, then masks, head_dim 64,
/// packed documents, kernels too small for the device, unequal sides, and then more of each.
[[nodiscard]] std::vector<AttentionCase> attention_cases();

/// Operands as the executors lay them out: q, k, v and do bf16, results of a partial kernel fp32
/// but for o. Nothing where they do not fit into the workspace.
[[nodiscard]] Result<std::vector<device::Launch>> prepare(device::Device& device,
                                                          const Workspace& workspace,
                                                          const AttentionCase& of, int most_sets);

/// One kernel that moves rows of 32 heads of 128.
struct CopyCase {
  enum class Kernel : std::uint8_t { copy, cast, add, merge, delta };
  Kernel kernel = Kernel::copy;
  std::int64_t rows = 0;

  [[nodiscard]] std::string text() const;
  /// Read and written, as the cost model counts them.
  [[nodiscard]] double bytes() const;
};

[[nodiscard]] std::vector<CopyCase> copy_cases();
[[nodiscard]] Result<std::vector<device::Launch>> prepare(device::Device& device,
                                                          const Workspace& workspace,
                                                          const CopyCase& of, int most_sets);

}  // namespace hsap::measure
