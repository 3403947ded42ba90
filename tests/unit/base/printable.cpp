#include "base/printable.hpp"

#include <catch2/catch.hpp>

using namespace hsap;

TEST_CASE("text keeps its lines and letters and loses what steers terminals") {
  CHECK(printable("a\nb \xc3\xa9") == "a\nb \xc3\xa9");
  CHECK(printable("a\r\t\x1b[31m\xc2\x9b") == "a???[31m??");
}

TEST_CASE("a name stays in its line") {
  CHECK(one_line("a\nb\r\nc\x1b[0m \xc3\xa9") == "a?b??c?[0m \xc3\xa9");
  CHECK(one_line("").empty());
}
