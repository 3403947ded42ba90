#include "hsap/trace.hpp"

#include <array>

#include "fuzz/target.hpp"

using namespace hsap;

/// The first byte chooses the form of the trace.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  constexpr std::array extensions{".txt", ".csv", ".jsonl", ".json"};
  const std::string path =
      fuzz::file_with(fuzz::text_of(data + 1, size - 1), extensions[data[0] % extensions.size()]);
  const Result<Trace> trace = load_trace(path);
  if (!trace) fuzz::demand(!trace.error().text().empty());
  return 0;
}
