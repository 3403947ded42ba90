#include "base/json.hpp"

#include <catch2/catch.hpp>

#include "support/folder.hpp"

using namespace hsap;

namespace {

json::Value value_of(const std::string& text) {
  Result<json::Value> value = json::parse(text, "x.json");
  REQUIRE(value);
  return *value;
}

/// The error of a reader, which must fail.
template <typename Read>
Error error_of(const std::string& text, const Read& read) {
  const json::Value value = value_of(text);
  json::Object root(value, "x.json");
  read(root);
  const Status status = root.finish();
  REQUIRE_FALSE(status);
  CHECK(status.error().kind == ErrorKind::bad_input);
  CHECK(status.error().file == "x.json");
  return status.error();
}

}  // namespace

TEST_CASE("a broken document is located by line and column") {
  const Result<json::Value> value = json::parse("{\n  \"a\": 1,\n  \"b\": ]\n}", "x.json");
  REQUIRE_FALSE(value);
  CHECK(value.error().file == "x.json");
  CHECK(value.error().position == "line 3, column 8");
  CHECK(value.error().found.rfind("']", 0) == 0);
}

TEST_CASE("a document that stops early ends at its last line") {
  const Result<json::Value> value = json::parse("{\"a\": [1, 2", "x.json");
  REQUIRE_FALSE(value);
  CHECK(value.error().found == "end of file");
  CHECK_FALSE(json::parse("", "x.json"));
}

TEST_CASE("numbers that JSON or double cannot hold are refused") {
  for (const char* text : {"NaN", "{\"a\": NaN}", "{\"a\": Infinity}", "1e999", "[-1e999]", "01"}) {
    INFO(text);
    const Result<json::Value> value = json::parse(text, "x.json");
    REQUIRE_FALSE(value);
    CHECK(value.error().position.rfind("line 1, column ", 0) == 0);
  }
}

TEST_CASE("a key given twice is refused, in the object it is in") {
  const Result<json::Value> value =
      json::parse("{\"a\": {\"k\": 1},\n \"b\": [{\"k\": 1, \"k\": 2}]}", "x.json");
  REQUIRE_FALSE(value);
  CHECK(value.error().message == "key given twice");
  CHECK(value.error().position == "/b/0/k");
  CHECK(json::parse("{\"a\": {\"k\": 1}, \"b\": {\"k\": 2}}", "x.json"));
}

TEST_CASE("nesting is bounded") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(json::parse(nested(50), "x.json"));
  const Result<json::Value> value = json::parse(nested(1'000'000), "x.json");
  REQUIRE_FALSE(value);
  CHECK(value.error().message == "nested too deep");
}

TEST_CASE("a reader is a plain list of its members") {
  const json::Value value = value_of(R"({"schema": "s/1", "x": 2.5, "n": 7, "big": 8e10,
    "yes": true, "name": "a", "list": [1, 2], "words": ["u", "v"],
    "inner": {"y": -1}, "rows": [{"z": 1}, {"z": 2}]})");
  json::Object root(value, "x.json");
  root.schema("s/1");
  CHECK(root.number("x") == 2.5);
  CHECK(root.number_or("absent", 4) == 4);
  CHECK(root.integer("n", 0, 10) == 7);
  CHECK(root.integer("big", 0, 100'000'000'000) == 80'000'000'000);
  CHECK(root.integer_or("absent", 3, 0, 10) == 3);
  CHECK(root.boolean_or("yes", false));
  CHECK(root.boolean_or("absent", true));
  CHECK(root.text("name") == "a");
  CHECK(root.text_or("absent", "b") == "b");
  CHECK(root.integers("list", 2, 0, 9) == std::vector<std::int64_t>{1, 2});
  CHECK(root.texts("words", 9) == std::vector<std::string>{"u", "v"});
  json::Object inner = root.object("inner");
  CHECK(inner.number("y") == -1);
  inner.done();
  std::int64_t sum = 0;
  for (json::Object& row : root.objects("rows", 5)) {
    sum += row.integer("z", 0, 9);
    row.done();
  }
  CHECK(sum == 3);
  CHECK(root.finish());
}

TEST_CASE("an unknown key is named with its near misses") {
  const Error error = error_of(R"({"layers": 1, "hiden": 2})", [](json::Object& root) {
    static_cast<void>(root.integer("layers", 0, 9));
    static_cast<void>(root.integer_or("hidden", 0, 0, 9));
  });
  CHECK(error.position == "/hiden");
  CHECK(error.message == "unknown key");
  CHECK(error.found == "'hiden'");
  CHECK(error.expected == "'hidden'");
}

TEST_CASE("errors inside nested members carry the whole pointer") {
  const Error wrong = error_of(R"({"a": [{"b": {"c": "x"}}]})", [](json::Object& root) {
    for (json::Object& row : root.objects("a", 3)) {
      json::Object inner = row.object("b");
      static_cast<void>(inner.number("c"));
      inner.done();
    }
  });
  CHECK(wrong.position == "/a/0/b/c");
  CHECK(wrong.found == "\"x\"");
  CHECK(wrong.expected == "a finite number");
  const Error unknown = error_of(R"({"a": [{}, {"q": 1}]})", [](json::Object& root) {
    for (json::Object& row : root.objects("a", 3)) row.done();
  });
  CHECK(unknown.position == "/a/1/q");
}

TEST_CASE("keys with slashes and tildes are escaped in pointers") {
  const Error error = error_of(R"({"a/b~c": 1})", [](json::Object&) {});
  CHECK(error.position == "/a~1b~0c");
}

TEST_CASE("a missing key says which") {
  const Error error = error_of("{}", [](json::Object& root) {
    static_cast<void>(root.number("mass"));
    static_cast<void>(root.number("later"));  // the first error wins
  });
  CHECK(error.message == "missing key");
  CHECK(error.position == "/mass");
  CHECK(error.expected == "'mass'");
}

TEST_CASE("numbers outside their limits are refused") {
  struct Row {
    const char* text;
    json::Limits limits;
    bool accepted;
  };
  const Row row = GENERATE(values<Row>({{"0", json::positive, false},
                                        {"1e-300", json::positive, true},
                                        {"-1", json::not_negative, false},
                                        {"0", json::not_negative, true},
                                        {"1", {0, 1}, true},
                                        {"1.0001", {0, 1}, false},
                                        {"0", {0, 1, true}, false}}));
  const json::Value value = value_of(std::string(R"({"x": )") + row.text + "}");
  json::Object root(value, "x.json");
  static_cast<void>(root.number("x", row.limits));
  INFO(row.text);
  CHECK(root.finish().ok() == row.accepted);
}

TEST_CASE("integers are whole, in range and never wrap") {
  const auto read = [](const char* text, std::int64_t high) {
    const json::Value value = value_of(std::string(R"({"n": )") + text + "}");
    json::Object root(value, "x.json");
    const std::int64_t n = root.integer("n", 0, high);
    return root.finish() ? n : -1;
  };
  CHECK(read("5", 5) == 5);
  CHECK(read("6", 5) == -1);
  CHECK(read("1.5", 5) == -1);
  CHECK(read("true", 5) == -1);
  CHECK(read("9223372036854775807", INT64_MAX) == INT64_MAX);
  CHECK(read("8e10", INT64_MAX) == 80'000'000'000);
  CHECK(read("9223372036854775808", INT64_MAX) == -1);
  CHECK(read("18446744073709551615", INT64_MAX) == -1);
  CHECK(read("1e300", INT64_MAX) == -1);
  CHECK(read("9007199254740993", 9007199254740992) == -1);
}

TEST_CASE("wrong types are refused everywhere") {
  const auto fails = [](const auto& read) {
    const json::Value value = value_of(R"({"k": {"o": [1]}, "list": [1, "a", {}]})");
    json::Object root(value, "x.json");
    read(root);
    return !root.finish().ok() && root.finish().error().message == "wrong type";
  };
  CHECK(fails([](json::Object& root) { static_cast<void>(root.number("k")); }));
  CHECK(fails([](json::Object& root) { static_cast<void>(root.integer("k", 0, 1)); }));
  CHECK(fails([](json::Object& root) { static_cast<void>(root.boolean_or("k", true)); }));
  CHECK(fails([](json::Object& root) { static_cast<void>(root.text("k")); }));
  CHECK(fails([](json::Object& root) { static_cast<void>(root.texts("list", 9)); }));
  CHECK(fails([](json::Object& root) { static_cast<void>(root.integers("list", 9, 0, 9)); }));
  CHECK(fails([](json::Object& root) { static_cast<void>(root.objects("list", 9)); }));
  CHECK(fails([](json::Object& root) { static_cast<void>(root.object("list")); }));
  const json::Value array = value_of("[]");
  json::Object root(array, "x.json");
  REQUIRE(root.failed());
  CHECK(root.finish().error().expected == "an object");
}

TEST_CASE("a list is never longer than its reader allows") {
  const Error error = error_of(R"({"list": [1, 2, 3]})", [](json::Object& root) {
    static_cast<void>(root.integers("list", 2, 0, 9));
  });
  CHECK(error.message == "too long");
  CHECK(error.found == "an array of 3");
}

TEST_CASE("another schema is refused") {
  const Error error =
      error_of(R"({"schema": "hsap.plan/1"})", [](json::Object& root) { root.schema("hsap.x/1"); });
  CHECK(error.position == "/schema");
  CHECK(error.found == "'hsap.plan/1'");
}

TEST_CASE("a file is read whole or refused by its size") {
  const test::Folder folder;
  const std::string path = folder.write("a.json", "{\"a\": 1}");
  CHECK(json::read(path));
  const Result<json::Value> large = json::read(path, 3);
  REQUIRE_FALSE(large);
  CHECK(large.error().message == "file too large");
  CHECK(large.error().file == path);
}

TEST_CASE("values are brief in messages") {
  CHECK(json::brief(value_of("[1, 2]")) == "an array of 2");
  CHECK(json::brief(value_of("{}")) == "an object");
  CHECK(json::brief(json::Value(std::string(500, 'x'))).size() < 70);
}
