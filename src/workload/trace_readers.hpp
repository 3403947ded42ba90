#pragma once

#include <cstdint>
#include <string>

#include "hsap/trace.hpp"

namespace hsap {

/// Most documents that are read.
inline constexpr std::int64_t max_trace_documents = std::int64_t{1} << 28;

// One reader for each form of a trace. They fill `lengths` or `bins`, and `name` when the file says
// so.
[[nodiscard]] Result<Trace> read_text_trace(const std::string& path);
[[nodiscard]] Result<Trace> read_csv_trace(const std::string& path);
[[nodiscard]] Result<Trace> read_json_lines_trace(const std::string& path);
[[nodiscard]] Result<Trace> read_json_trace(const std::string& path);

}  // namespace hsap
