#include <algorithm>

#include "fuzz/target.hpp"
#include "validate/cases/predict_case.hpp"

using namespace hsap;

namespace {

/// Small enough for many inputs a second.
bool is_small(const cases::Case& item) {
  if (item.nodes > 2) return false;
  if (const auto* attention = std::get_if<cases::Attention>(&item.work)) {
    return attention->problems.size() <= 4 &&
           std::all_of(
               attention->problems.begin(), attention->problems.end(), [](const Problem& problem) {
                 return problem.batch.tokens() <= 1 << 16 && problem.batch.documents() <= 64;
               });
  }
  if (const auto* kernel = std::get_if<cases::Kernel>(&item.work)) {
    return kernel->slices.size() <= 1 << 12;
  }
  if (const auto* step = std::get_if<cases::Step>(&item.work)) {
    return step->batch.tokens() <= 1 << 16 && step->batch.documents() <= 64;
  }
  if (const auto* transfers = std::get_if<cases::Transfers>(&item.work)) {
    return transfers->pairs.size() <= 64;
  }
  return true;
}

}  // namespace

/// Reading measured cases never crashes, and what was read is predicted or refused in words.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Result<json::Value> value = json::parse(fuzz::text_of(data, size), "cases.json");
  if (!value) return 0;
  const Result<cases::CaseFile> file = cases::parse_cases(*value, "cases.json");
  if (!file) {
    fuzz::demand(!file.error().text().empty());
    return 0;
  }
  fuzz::demand(!file->cases.empty());
  for (const cases::Case& item : file->cases) {
    if (!is_small(item)) continue;
    const Result<double> seconds = cases::predict_case(*file, item);
    fuzz::demand(seconds ? *seconds >= 0 : !seconds.error().text().empty());
  }
  return 0;
}
