#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "validate/compare/compare.hpp"
#include "validate/probe/gradients.hpp"
#include "validate/probe/probe.hpp"

namespace hsap {

/// What a probe found out about an attention.
struct ProbeReport {
  double tolerance = 0;
  double order_tolerance = 0;         ///< of `permuted`; 0 asks for equal bits
  std::vector<TensorError> errors;    ///< of the base run against float64
  std::vector<int> replaced;          ///< documents that were replaced
  std::vector<Leak> leaks;            ///< what their replacement changed elsewhere
  std::vector<int> unchanged;         ///< replaced documents whose own outputs stayed the same:
                                      ///< their run shows nothing
  std::vector<TensorError> permuted;  ///< of the permuted run against the base run

  /// Every sentence that says what failed; none when all is well.
  [[nodiscard]] std::vector<std::string> failures() const;
};

/// The outputs of all runs of a probe.
struct Answers {
  Tensors base;
  std::vector<Tensors> replaced;  ///< as Probe::replaced
  Tensors permuted;
};

/// Judges the outputs `roles` of an attention.
[[nodiscard]] ProbeReport judge(const Probe& probe, const std::vector<Role>& roles,
                                const Answers& answers, double tolerance, bool exact_order);

[[nodiscard]] std::string probe_table(const ProbeReport& report, bool color);
/// "hsap.probe_report/1".
[[nodiscard]] json::Ordered probe_report_json(const ProbeReport& report);

/// "token 17 (document 2), head 3".
[[nodiscard]] std::string number_text(const Number& number);
[[nodiscard]] json::Ordered to_json(const Number& number);
[[nodiscard]] json::Ordered to_json(const Leak& leak);
/// "document 1 changes document 0: dq by 0.1 at token ...".
[[nodiscard]] std::string leak_text(const Leak& leak);

}  // namespace hsap
