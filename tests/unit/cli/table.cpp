#include "cli/table.hpp"

#include <catch2/catch.hpp>

using namespace hsap::cli;

TEST_CASE("columns are as wide as their widest cell and blanks do not trail") {
  Table table({{"name"}, {"time", Table::Align::right}, {"limit"}});
  table.add({"a", "1.5 ms", "compute"});
  table.add({"longer", "12 us", ""});
  CHECK(table.text(false) ==
        "  name      time  limit\n"
        "  a       1.5 ms  compute\n"
        "  longer   12 us\n");
}

TEST_CASE("missing cells stay blank and cells beyond the columns are dropped") {
  Table table({{"a"}, {"b"}});
  CHECK(table.empty());
  table.add({"1"});
  table.add({"1", "2", "3"});
  CHECK_FALSE(table.empty());
  CHECK(table.text(false) == "  a  b\n  1\n  1  2\n");
}

TEST_CASE("widths count characters, not bytes") {
  Table table({{"x", Table::Align::right}});
  table.add({"\xc2\xb5s"});  // one letter of two bytes, then "s"
  table.add({"abc"});
  CHECK(table.text(false) == "    x\n   \xc2\xb5s\n  abc\n");
}

TEST_CASE("colour wraps whole lines and only when asked") {
  Table table({{"x"}});
  table.add({"1"}, Style::good);
  CHECK(table.text(true) == "\x1b[1m  x\x1b[0m\n\x1b[32m  1\x1b[0m\n");
  CHECK(styled("1", Style::good, false) == "1");
  CHECK(styled("", Style::bold, true).empty());
}
