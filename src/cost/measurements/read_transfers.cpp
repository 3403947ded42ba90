#include <fmt/format.h>

#include <array>
#include <charconv>
#include <sstream>

#include "base/json.hpp"
#include "cost/measurements/csv.hpp"
#include "cost/measurements/read.hpp"
#include "hsap/cluster.hpp"

namespace hsap::fit {
namespace {

constexpr const char* pattern_form = "pairs like 0>8 8>0, or [[0,8],[8,0]]";

Error bad_pattern(const std::string& message, const std::string& found) {
  constexpr std::size_t most = 40;
  return bad_input(message, "'" + found.substr(0, most) + "'", pattern_form);
}

bool is_gpu(std::int64_t number) { return number >= 0 && number < max_cluster_gpus; }

Result<Transfer> parse_pair(const std::string& word) {
  Transfer pair;
  const char* end = word.data() + word.size();
  const auto [arrow, first] = std::from_chars(word.data(), end, pair.from);
  if (first != std::errc{} || arrow == end || *arrow != '>') return bad_pattern("no pair", word);
  const auto [stop, second] = std::from_chars(arrow + 1, end, pair.to);
  if (second != std::errc{} || stop != end) return bad_pattern("no pair", word);
  return pair;
}

Result<std::vector<Transfer>> parse_words(const std::string& text) {
  std::istringstream in(text);
  std::vector<Transfer> pairs;
  for (std::string word; in >> word && pairs.size() <= max_transfers;) {
    HSAP_TRY(const Transfer pair, parse_pair(word));
    pairs.push_back(pair);
  }
  return pairs;
}

Result<std::vector<Transfer>> parse_list(const std::string& text) {
  const Result<json::Value> list = json::parse(text, "pattern");
  if (!list.ok() || !list->is_array()) return bad_pattern("not a list of pairs", text);
  std::vector<Transfer> pairs;
  for (const json::Value& item : *list) {
    const bool pair = item.is_array() && item.size() == 2 && item[0].is_number_integer() &&
                      item[1].is_number_integer();
    if (!pair) return bad_pattern("no pair", json::brief(item));
    const auto from = item[0].get<std::int64_t>();
    const auto to = item[1].get<std::int64_t>();
    if (!is_gpu(from) || !is_gpu(to)) return bad_pattern("no such GPU", json::brief(item));
    pairs.push_back({static_cast<int>(from), static_cast<int>(to)});
  }
  return pairs;
}

}  // namespace

Result<std::vector<Transfer>> parse_pattern(const std::string& text) {
  HSAP_TRY(std::vector<Transfer> pairs,
           text.starts_with('[') ? parse_list(text) : parse_words(text));
  if (pairs.empty()) return bad_pattern("an empty pattern", text);
  if (pairs.size() > max_transfers) return bad_pattern("too many transfers at once", text);
  for (const Transfer& pair : pairs) {
    const std::string name = fmt::format("{}>{}", pair.from, pair.to);
    if (!is_gpu(pair.from) || !is_gpu(pair.to)) return bad_pattern("no such GPU", name);
    if (pair.from == pair.to) return bad_pattern("a message to itself", name);
  }
  return pairs;
}

Status read_transfers(const std::string& path, Data& data) {
  constexpr std::array<std::string_view, 3> columns{"pattern", "bytes", "us"};
  HSAP_TRY(CsvTable table, CsvTable::open(path, columns));
  data.files.push_back(path);
  std::string last;  // most rows repeat the pattern of the one before
  std::size_t pattern = 0;
  while (table.next()) {
    if (data.transfers.size() >= max_rows) {
      return table.error("too many rows", "more", fmt::format("at most {}", max_rows));
    }
    if (table.text(0) != last || last.empty()) {
      const auto pairs = parse_pattern(table.text(0));
      if (!pairs.ok()) {
        const Error& why = pairs.error();
        return table.error("bad 'pattern': " + why.message, why.found, why.expected);
      }
      pattern = data.pattern_of(*pairs);
      if (pattern >= max_patterns) {
        return table.error("too many different patterns", "more",
                           fmt::format("at most {}", max_patterns));
      }
      last = table.text(0);
    }
    HSAP_TRY(const double bytes, table.number(1, 1, max_message_bytes));
    HSAP_TRY(const double us, table.number(2, min_microseconds, max_microseconds));
    data.transfers.push_back({{data.files.size() - 1, table.line()}, pattern, bytes, us * 1e-6});
  }
  return table.status();
}

}  // namespace hsap::fit
