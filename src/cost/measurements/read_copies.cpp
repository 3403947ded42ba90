#include <fmt/format.h>

#include <array>

#include "cost/measurements/csv.hpp"
#include "cost/measurements/read.hpp"

namespace hsap::fit {

Status read_copies(const std::string& path, Data& data) {
  constexpr std::array<std::string_view, 3> columns{"kernel", "bytes", "us"};
  constexpr std::size_t longest_name = 40;
  HSAP_TRY(CsvTable table, CsvTable::open(path, columns));
  data.files.push_back(path);
  while (table.next()) {
    if (data.copies.size() >= max_rows) {
      return table.error("too many rows", "more", fmt::format("at most {}", max_rows));
    }
    CopyRow row;
    row.place = {data.files.size() - 1, table.line()};
    row.kernel = table.text(0).substr(0, longest_name);
    HSAP_TRY(row.bytes, table.number(1, 1, max_message_bytes));
    HSAP_TRY(const double us, table.number(2, min_microseconds, max_microseconds));
    row.seconds = us * 1e-6;
    data.copies.push_back(std::move(row));
  }
  return table.status();
}

}  // namespace hsap::fit
