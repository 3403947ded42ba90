#include "fuzz/target.hpp"
#include "validate/cases/predict_case.hpp"

using namespace hsap;

/// A file of measured cases is read or refused.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string path = fuzz::file_with(fuzz::text_of(data, size), ".json");
  const Result<cases::CaseFile> file = cases::read_cases(path);
  if (!file) {
    fuzz::demand(!file.error().text().empty());
    return 0;
  }
  fuzz::demand(!file->cases.empty());
  for (const cases::Case& item : file->cases) fuzz::demand(item.measured_s > 0);
  return 0;
}
