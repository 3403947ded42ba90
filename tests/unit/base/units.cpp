#include "base/units.hpp"

#include <catch2/catch.hpp>

using namespace hsap;

TEST_CASE("sizes take one binary suffix") {
  const auto size = [](const std::string& text) { return *parse_size(text, "x", 0, INT64_MAX); };
  CHECK(size("0") == 0);
  CHECK(size("4096") == 4096);
  CHECK(size("256K") == 262144);
  CHECK(size("8m") == 8388608);
  CHECK(size("1G") == 1073741824);
}

TEST_CASE("anything else is no size, and never wraps") {
  const auto text = GENERATE(as<std::string>(), "", "K", "1.5K", "4KB", " 1", "1 ", "+1", "0x10",
                             "1e3", "-1", "-9223372036854775808", "-9223372036854775808K",
                             "9223372036854775808", "9223372036854775807K", "8589934592G", "two");
  const Result<std::int64_t> size = parse_size(text, "context", 0, INT64_MAX);
  INFO(text);
  REQUIRE_FALSE(size);
  CHECK(size.error().found == "'" + text + "'");
  CHECK(size.error().message.find("context") != std::string::npos);
}

TEST_CASE("size limits are inclusive and stand in the message") {
  CHECK(parse_size("1K", "x", 1024, 1024));
  CHECK_FALSE(parse_size("1023", "x", 1024, 2048));
  const auto above = parse_size("2049", "x", 1024, 2048);
  REQUIRE_FALSE(above);
  CHECK(above.error().expected == "an integer from 1024 to 2048, with K, M or G allowed");
}

TEST_CASE("numbers are finite and fill the text") {
  CHECK(*parse_number("100e9", "x") == 100e9);
  CHECK(*parse_number("-0.5", "x") == -0.5);
  for (const char* text : {"", "nan", "inf", "1e999", "1x", " 1", "1,5"}) {
    INFO(text);
    CHECK_FALSE(parse_number(text, "x"));
  }
}

TEST_CASE("sizes print exactly and read back") {
  CHECK(format_size(262144) == "256K");
  CHECK(format_size(1572864) == "1.5M");
  CHECK(format_size(4097) == "4097");
  CHECK(format_size(1536) == "1.5K");
  // Not 1.04858e+06K.
  CHECK(format_size((std::int64_t{1} << 30) - 1024) == "1048575K");
  for (std::int64_t value = 1; value < (std::int64_t{1} << 40); value = value * 3 + 1) {
    const std::string text = format_size(value);
    if (text.find('.') == std::string::npos) {
      CHECK(*parse_size(text, "x", 0, INT64_MAX) == value);
    }
  }
}

TEST_CASE("bytes, seconds and rates carry their unit") {
  CHECK(format_bytes(1.5e9) == "1.50 GB");
  CHECK(format_bytes(999) == "999 B");
  CHECK(format_bytes(2.5e12) == "2.50 TB");
  CHECK(format_seconds(0) == "0");
  CHECK(format_seconds(12.3e-6) == "12.30 us");
  CHECK(format_seconds(1.2344e-3) == "1.234 ms");
  CHECK(format_seconds(5.6) == "5.600 s");
  CHECK(format_rate(370e9) == "370 GB/s");
  CHECK(format_rate(20.6e9) == "20.6 GB/s");
}
