#include <fmt/format.h>

#include <array>

#include "cost/measurements/csv.hpp"
#include "cost/measurements/read.hpp"

namespace hsap::fit {
namespace {

enum Column : std::size_t { q_len, kv_len, heads, head_dim, mask, us, pass, document };
constexpr std::array<std::string_view, 6> columns{"q_len",    "kv_len", "heads",
                                                  "head_dim", "mask",   "us"};
constexpr std::array<std::string_view, 2> optional_columns{"pass", "document"};
constexpr std::int64_t max_tokens = 1 << 24;
constexpr std::int64_t max_heads = 4096;
constexpr std::int64_t max_head_dim = 1024;

/// Whether the field is the first of two words, or an error when it is neither.
Result<bool> is_first(const CsvTable& table, Column column, const char* first, const char* second) {
  if (table.text(column) == first) return true;
  if (table.text(column) == second) return false;
  return table.error(
      fmt::format("bad '{}'", column == pass ? optional_columns[0] : columns[column]),
      "'" + table.text(column).substr(0, 40) + "'", fmt::format("'{}' or '{}'", first, second));
}

Result<KernelRow> read_row(const CsvTable& table) {
  KernelRow row;
  HSAP_TRY(row.queries, table.integer(q_len, 1, max_tokens));
  HSAP_TRY(row.keys, table.integer(kv_len, 1, max_tokens));
  HSAP_TRY(const std::int64_t head_count, table.integer(heads, 1, max_heads));
  HSAP_TRY(const std::int64_t dim, table.integer(head_dim, 1, max_head_dim));
  row.heads = static_cast<int>(head_count);
  row.head_dim = static_cast<int>(dim);
  HSAP_TRY(row.causal, is_first(table, mask, "causal", "full"));
  if (table.has(pass)) {
    HSAP_TRY(const bool forward, is_first(table, pass, "forward", "backward"));
    row.pass = forward ? Pass::forward : Pass::backward;
  }
  HSAP_TRY(const double microseconds, table.number(us, min_microseconds, max_microseconds));
  row.seconds = microseconds * 1e-6;
  if (table.has(document)) {
    HSAP_TRY(row.document, table.integer(document, 0, max_tokens));
    const bool fills =
        row.document == 0 || (row.queries % row.document == 0 && row.keys % row.documents() == 0);
    if (!fills || row.documents() > max_documents) {
      return table.error("documents that do not fill the rows, or too many",
                         std::to_string(row.document),
                         fmt::format("0, or queries of each of at most {} equal documents of {} "
                                     "queries and {} keys",
                                     max_documents, row.queries, row.keys));
    }
  }
  return row;
}

}  // namespace

Status read_kernels(const std::string& path, Data& data) {
  HSAP_TRY(CsvTable table, CsvTable::open(path, columns, optional_columns));
  data.files.push_back(path);
  while (table.next()) {
    if (data.kernels.size() >= max_rows) {
      return table.error("too many rows", "more", fmt::format("at most {}", max_rows));
    }
    HSAP_TRY(KernelRow row, read_row(table));
    row.place = {data.files.size() - 1, table.line()};
    data.kernels.push_back(row);
  }
  return table.status();
}

}  // namespace hsap::fit
