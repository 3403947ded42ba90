#pragma once

#include <string>

#include "base/json.hpp"
#include "cluster/import/import.hpp"

namespace hsap::apps {

/// For people: what became of every device, the numbers and where each is from, the class of the
/// way between every pair, and the warnings.
[[nodiscard]] std::string import_report(const topo::Imported& imported, bool color);

/// The same for programs, "hsap.import/1".
[[nodiscard]] json::Ordered import_json(const topo::Imported& imported);

}  // namespace hsap::apps
