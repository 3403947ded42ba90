#include "base/files.hpp"

#include <catch2/catch.hpp>

#include "support/folder.hpp"

using namespace hsap;
namespace fs = std::filesystem;

namespace {

std::size_t entries(const test::Folder& folder) {
  const fs::directory_iterator begin(folder.path(""));
  return static_cast<std::size_t>(std::distance(begin, fs::directory_iterator()));
}

}  // namespace

TEST_CASE("files are read whole, with any bytes") {
  const test::Folder folder;
  const std::string bytes("a\0\r\n\xff", 5);
  CHECK(*read_file(folder.write("a", bytes), 5) == bytes);
  CHECK(read_file(folder.write("empty", ""), 0)->empty());
}

TEST_CASE("what is no file, or too large, is refused with its path") {
  const test::Folder folder;
  CHECK(read_file(folder.path("absent"), 9).error().text() ==
        folder.path("absent") + ": no such file");
  CHECK(read_file(folder.path(""), 9).error().message == "not a regular file");
  const std::string large = folder.sparse("large", std::uintmax_t{10} << 30);
  const Result<std::string> text = read_file(large, std::int64_t{1} << 30);
  REQUIRE_FALSE(text);
  CHECK(text.error().text() ==
        large + ": file too large; found 10.74 GB, expected at most 1.07 GB");
}

TEST_CASE("nothing is replaced without force") {
  const test::Folder folder;
  const std::string path = folder.write("a", "old");
  const Status refused = write_file(path, "new", false);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "file exists");
  CHECK(*read_file(path, 9) == "old");
  CHECK(write_file(path, "new", true));
  CHECK(*read_file(path, 9) == "new");
  CHECK(write_file(folder.path("b"), "text", false));
  CHECK(entries(folder) == 2);
}

TEST_CASE("a file that cannot be written leaves nothing behind") {
  const test::Folder folder;
  const Status nowhere = write_file(folder.path("no/such/folder/a"), "x", false);
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().message.rfind("cannot be written", 0) == 0);
  fs::create_directory(folder.path("taken"));
  CHECK_FALSE(write_file(folder.path("taken"), "x", true));
  CHECK(entries(folder) == 1);
}

TEST_CASE("shipped inputs are found by name, others by path") {
  const Result<std::string> shipped = find_input("models", "llama3-8b");
  REQUIRE(shipped);
  CHECK(fs::path(*shipped).filename() == "llama3-8b.json");
  const test::Folder folder;
  const std::string path = folder.write("mine.json", "{}");
  CHECK(*find_input("models", path) == path);
}

TEST_CASE("a file in the current folder does not stand in for what ships") {
  const test::Folder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path(""));
  static_cast<void>(folder.write("llama3-8b", "mine"));
  static_cast<void>(folder.write("mine", "mine"));
  const Result<std::string> shipped = find_input("models", "llama3-8b");
  const Result<std::string> by_path = find_input("models", "./llama3-8b");
  const Result<std::string> bare = find_input("models", "mine");
  fs::current_path(before);
  REQUIRE(shipped);
  CHECK(fs::path(*shipped).filename() == "llama3-8b.json");
  REQUIRE(by_path);
  CHECK(*by_path == "./llama3-8b");
  REQUIRE_FALSE(bare);
  CHECK(bare.error().expected.ends_with(", or './mine'"));
}

TEST_CASE("what is not found is answered with near misses") {
  const auto message = [](const std::string& name) {
    const Result<std::string> found = find_input("models", name);
    REQUIRE_FALSE(found);
    return found.error().text();
  };
  CHECK(message("lama3-8b").find("expected 'llama3-8b'") != std::string::npos);
  CHECK(message("xyz").find("'qwen3-32b'") != std::string::npos);
  CHECK(message("/no/such.json").rfind("/no/such.json: no such file; expected a file", 0) == 0);
  CHECK(message("/tmp").rfind("/tmp: not a regular file", 0) == 0);
  CHECK(message("README").rfind("nothing of that name", 0) == 0);
  CHECK(message("").rfind("nothing of that name", 0) == 0);
  const Result<std::string> nothing = find_input("no-such-folder", "name");
  REQUIRE_FALSE(nothing);
  CHECK(nothing.error().message == "none of hsap's files are there");
  CHECK(nothing.error().expected.find("HSAP_DATA") != std::string::npos);
}

TEST_CASE("shipped names are sorted and leave out what is no input") {
  const std::vector<std::string> names = shipped_names("traces");
  CHECK(names == std::vector<std::string>{"magi", "prolong", "wikipedia", "wlb-llm"});
  CHECK(shipped_names("no-such-folder").empty());
}
