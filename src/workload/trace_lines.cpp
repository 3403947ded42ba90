#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json.hpp"
#include "base/lines.hpp"
#include "workload/trace_readers.hpp"

namespace hsap {
namespace {

constexpr std::int64_t max_file_bytes = std::int64_t{4} << 30;
// A JSON line may carry its document's text besides the length.
constexpr std::size_t max_json_line = std::size_t{64} << 20;

std::string length_expected() { return fmt::format("a document length from 1 to {}", max_tokens); }

Status add_length(std::int64_t length, const LineReader& lines, Trace& trace) {
  if (length < 1 || length > max_tokens) {
    return lines.error("length out of range", std::to_string(length), length_expected());
  }
  if (static_cast<std::int64_t>(trace.lengths.size()) == max_trace_documents) {
    return lines.error("too many documents", {},
                       fmt::format("at most {} lengths", max_trace_documents));
  }
  trace.lengths.push_back(static_cast<Token>(length));
  return {};
}

Status add_length(std::string_view text, const LineReader& lines, Trace& trace) {
  std::int64_t length = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, length);
  if (code != std::errc{} || stop != end) {
    return lines.error("not a length", in_quotes(text), length_expected());
  }
  return add_length(length, lines, trace);
}

/// Calls `read(line)` for each line that is neither blank nor a comment.
template <typename Read>
Status for_each_line(LineReader& lines, const Read& read) {
  std::string line;
  while (lines.next(line)) {
    const std::string_view text = trimmed(line);
    if (!text.empty() && text.front() != '#') {
      HSAP_CHECK(read(text));
    }
  }
  return lines.status();
}

/// The fields of one CSV line; quotes keep a comma inside a field and are dropped.
std::vector<std::string> split_csv(std::string_view line) {
  std::vector<std::string> fields(1);
  bool inside_quotes = false;
  for (const char c : line) {
    if (c == '"') {
      inside_quotes = !inside_quotes;
    } else if (c == ',' && !inside_quotes) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  for (std::string& field : fields) field = trimmed(field);
  return fields;
}

Result<std::size_t> find_column(std::string_view header, const LineReader& lines) {
  const std::vector<std::string> names = split_csv(header);
  const auto found = std::find_if(names.begin(), names.end(), [](const std::string& name) {
    return name == "length" || name == "tokens";
  });
  if (found == names.end()) {
    return lines.error("no column of lengths", in_quotes(header),
                       "a first line with a 'length' or 'tokens' column");
  }
  return static_cast<std::size_t>(found - names.begin());
}

Result<std::int64_t> length_of(const json::Value& value, const LineReader& lines) {
  const std::string expected = "an object with a 'length' or 'tokens' field";
  if (!value.is_object()) return lines.error("wrong type", json::brief(value), expected);
  const char* key = value.contains("length") ? "length" : "tokens";
  const auto field = value.find(key);
  if (field == value.end()) return lines.error("missing key", "neither", expected);
  const bool fits = field->is_number_integer() && field->get<double>() < 1e18;
  if (!fits) {
    return lines.error(fmt::format("bad '{}'", key), json::brief(*field), length_expected());
  }
  return field->get<std::int64_t>();
}

}  // namespace

Result<Trace> read_text_trace(const std::string& path) {
  HSAP_TRY(LineReader lines, LineReader::open(path, max_file_bytes));
  Trace trace;
  HSAP_CHECK(
      for_each_line(lines, [&](std::string_view text) { return add_length(text, lines, trace); }));
  return trace;
}

Result<Trace> read_csv_trace(const std::string& path) {
  HSAP_TRY(LineReader lines, LineReader::open(path, max_file_bytes));
  Trace trace;
  bool have_header = false;
  std::size_t column = 0;
  HSAP_CHECK(for_each_line(lines, [&](std::string_view text) -> Status {
    if (!have_header) {
      have_header = true;
      HSAP_TRY(column, find_column(text, lines));
      return {};
    }
    const std::vector<std::string> fields = split_csv(text);
    if (column < fields.size()) return add_length(fields[column], lines, trace);
    return lines.error("too few columns", std::to_string(fields.size()),
                       fmt::format("at least {}", column + 1));
  }));
  return trace;
}

Result<Trace> read_json_lines_trace(const std::string& path) {
  HSAP_TRY(LineReader lines, LineReader::open(path, max_file_bytes, max_json_line));
  Trace trace;
  HSAP_CHECK(for_each_line(lines, [&](std::string_view text) -> Status {
    const Result<json::Value> value = json::parse(std::string(text), path);
    if (!value) return lines.error("not valid JSON", value.error().found, "a JSON object");
    HSAP_TRY(const std::int64_t length, length_of(*value, lines));
    return add_length(length, lines, trace);
  }));
  return trace;
}

}  // namespace hsap
