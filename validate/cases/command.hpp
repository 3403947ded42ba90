#pragma once

#include <string>
#include <vector>

#include "cli/options.hpp"

namespace hsap {

/// `hsap-validate cases FILE...`: measured runs against their predictions.
class CasesCommand {
 public:
  void add(cli::Command& app);
  [[nodiscard]] Status run() const;

 private:
  std::vector<std::string> files_;
  bool each_ = false;
  double max_mape_ = 0;
  cli::OutputOptions out_;
};

}  // namespace hsap
