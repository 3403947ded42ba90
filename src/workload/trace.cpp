#include "hsap/trace.hpp"

#include <filesystem>

#include "base/files.hpp"
#include "workload/trace_readers.hpp"

namespace hsap {
namespace {

Result<Trace> read_by_extension(const std::string& path) {
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension == ".json") return read_json_trace(path);
  if (extension == ".jsonl" || extension == ".ndjson") return read_json_lines_trace(path);
  if (extension == ".csv") return read_csv_trace(path);
  return read_text_trace(path);
}

}  // namespace

Result<Trace> load_trace(const std::string& name_or_path) {
  HSAP_TRY(const std::string path, find_input("traces", name_or_path));
  HSAP_TRY(Trace trace, read_by_extension(path));
  if (trace.name.empty()) trace.name = std::filesystem::path(path).stem().string();
  if (trace.lengths.empty() && trace.bins.empty()) {
    Error error = bad_input("an empty trace", "no lengths", "at least one document length");
    error.file = path;
    return error;
  }
  return trace;
}

}  // namespace hsap
