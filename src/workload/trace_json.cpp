#include <fmt/format.h>

#include "base/json.hpp"
#include "workload/trace_readers.hpp"

namespace hsap {
namespace {

constexpr std::int64_t max_json_bytes = 64 << 20;
constexpr std::size_t max_bins = std::size_t{1} << 20;
constexpr double max_count = 1e15;

bool is_length(const json::Value& value) {
  return value.is_number_integer() && value.get<double>() >= 1 && value.get<double>() <= max_tokens;
}

Error error_at(const std::string& path, const std::string& pointer, const json::Value& found,
               const std::string& expected) {
  Error error = bad_input("bad entry", json::brief(found), expected);
  error.file = path;
  error.position = pointer;
  return error;
}

Result<Trace> read_lengths(const json::Value& list, const std::string& path) {
  Trace trace;
  trace.lengths.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!is_length(list[i])) {
      return error_at(path, fmt::format("/{}", i), list[i],
                      fmt::format("a document length from 1 to {}", max_tokens));
    }
    trace.lengths.push_back(list[i].get<Token>());
  }
  return trace;
}

/// True and `bin` set when the entry is [low, high, count] with sane values.
bool read_bin(const json::Value& entry, Trace::Bin& bin) {
  const bool shape = entry.is_array() && entry.size() == 3 && is_length(entry[0]) &&
                     is_length(entry[1]) && entry[2].is_number();
  if (!shape) return false;
  bin = {entry[0].get<Token>(), entry[1].get<Token>(), entry[2].get<double>()};
  return bin.low <= bin.high && bin.count >= 0 && bin.count <= max_count;
}

std::vector<Trace::Bin> read_bins(json::Object& root) {
  std::vector<Trace::Bin> bins;
  const json::Value* list = root.raw("bins");
  if (list == nullptr) return bins;
  if (!list->is_array() || list->size() > max_bins) {
    root.fail("bins", "wrong type", json::brief(*list),
              fmt::format("an array of at most {}", max_bins));
    return bins;
  }
  double total = 0;
  for (std::size_t i = 0; i < list->size(); ++i) {
    Trace::Bin bin;
    if (!read_bin((*list)[i], bin)) {
      root.fail(fmt::format("bins/{}", i), "bad bin", (*list)[i].dump().substr(0, 60),
                fmt::format("[low, high, count] with 1 <= low <= high <= {} and a count of at "
                            "least 0",
                            max_tokens));
      return bins;
    }
    total += bin.count;
    if (bin.count > 0) bins.push_back(bin);
  }
  if (total <= 0) root.fail("bins", "an empty histogram", "no counts above 0", "at least one");
  return bins;
}

Result<Trace> read_histogram(const json::Value& value, const std::string& path) {
  json::Object root(value, path);
  root.schema("hsap.trace/1");
  Trace trace;
  trace.name = root.text_or("name", "");
  static_cast<void>(root.text_or("source", ""));  // for the file's readers
  trace.bins = read_bins(root);
  HSAP_CHECK(root.finish());
  return trace;
}

}  // namespace

Result<Trace> read_json_trace(const std::string& path) {
  HSAP_TRY(const json::Value value, json::read(path, max_json_bytes));
  return value.is_array() ? read_lengths(value, path) : read_histogram(value, path);
}

}  // namespace hsap
