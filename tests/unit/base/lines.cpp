#include "base/lines.hpp"

#include <catch2/catch.hpp>

#include "support/folder.hpp"

using namespace hsap;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  const test::Folder folder;
  Result<LineReader> reader = LineReader::open(folder.write("a.txt", text), 1 << 20);
  REQUIRE(reader);
  std::vector<std::string> lines;
  std::string line;
  while (reader->next(line)) lines.push_back(line);
  CHECK(reader->status());
  CHECK(reader->number() == static_cast<std::int64_t>(lines.size()));
  return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("lines end in LF, CRLF or the file") {
  CHECK(lines_of("").empty());
  CHECK(lines_of("a\nb\n") == Lines{"a", "b"});
  CHECK(lines_of("a\nb") == Lines{"a", "b"});
  CHECK(lines_of("a\r\n\r\nb\r\n") == Lines{"a", "", "b"});
  CHECK(lines_of("\n\n") == Lines{"", ""});
  CHECK(lines_of("\xEF\xBB\xBF"
                 "a\n") == Lines{"a"});
}

TEST_CASE("lines are whole across the reader's buffer") {
  // 64 KiB at a time: lines of 9999 bytes cross every border, and one line is longer than it.
  Lines expected;
  std::string text;
  for (int i = 0; i < 30; ++i) {
    expected.emplace_back(static_cast<std::size_t>(i == 20 ? 200'000 : 9999),
                          static_cast<char>('a' + i % 26));
    text += expected.back() + "\n";
  }
  CHECK(lines_of(text) == expected);
}

TEST_CASE("a file too large is refused before it is read, a line too long when met") {
  const test::Folder folder;
  const Result<LineReader> large =
      LineReader::open(folder.sparse("large", std::uintmax_t{10} << 30), std::int64_t{4} << 30);
  REQUIRE_FALSE(large);
  CHECK(large.error().message == "file too large");
  Result<LineReader> reader =
      LineReader::open(folder.write("b.txt", "ok\n" + std::string(100'000, 'x')), 1 << 20, 1000);
  REQUIRE(reader);
  std::string line;
  REQUIRE(reader->next(line));
  CHECK_FALSE(reader->next(line));
  REQUIRE_FALSE(reader->status());
  CHECK(reader->status().error().position == "line 2");
  CHECK_FALSE(reader->next(line));
  CHECK_FALSE(LineReader::open(folder.path("absent"), 1));
}
