#include "validate/run/timeline.hpp"

#include <fmt/format.h>

#include "cli/program.hpp"
#include "export/timeline/comparison_trace.hpp"

namespace hsap::validation {

std::string timeline_text(const Validation& validation) {
  const Machine& machine = *validation.machine;
  ComparisonOptions options;
  options.ranks_per_process =
      machine.one_device ? validation.strategy.ranks() : machine.cluster.gpus_per_node();
  options.metadata = {{"generator", fmt::format("hsap-validate {}", cli::version())},
                      {"strategy", to_string(validation.strategy)},
                      {"tokens", std::to_string(validation.problem.batch.tokens())},
                      {"predicted", machine.text()},
                      {"ran as", validation.where}};
  std::vector<ComparedPass> passes;
  for (const PassRun& run : validation.passes) {
    passes.push_back({&run.schedule, run.times->predicted.spans, run.times->measured.spans});
  }
  const Setup& setup = validation.passes.front().execution.setup;
  options.metadata.insert(options.metadata.end(), setup.begin(), setup.end());
  return comparison_trace(passes, options);
}

}  // namespace hsap::validation
