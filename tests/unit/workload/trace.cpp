#include "hsap/trace.hpp"

#include <catch2/catch.hpp>
#include <numeric>

#include "support/folder.hpp"

using namespace hsap;

namespace {

using Lengths = std::vector<Token>;

Result<Trace> load(const std::string& name, const std::string& text) {
  const test::Folder folder;
  return load_trace(folder.write(name, text));
}

Lengths lengths(const std::string& name, const std::string& text) {
  const Result<Trace> trace = load(name, text);
  INFO(text);
  REQUIRE(trace);
  return trace->lengths;
}

Error error_of(const std::string& name, const std::string& text) {
  const Result<Trace> trace = load(name, text);
  INFO(text);
  REQUIRE_FALSE(trace);
  CHECK(trace.error().kind == ErrorKind::bad_input);
  CHECK(trace.error().file.find(name) != std::string::npos);
  CHECK_FALSE(trace.error().found.empty());
  CHECK_FALSE(trace.error().expected.empty());
  return trace.error();
}

std::string histogram(const std::string& bins) {
  return R"({"schema": "hsap.trace/1", "name": "h", "source": "s", "bins": )" + bins + "}";
}

}  // namespace

TEST_CASE("text traces hold one length a line") {
  CHECK(lengths("a.txt", "4\n5\n6\n") == Lengths{4, 5, 6});
  CHECK(lengths("a.txt", "4\r\n5\r\n6") == Lengths{4, 5, 6});
  CHECK(lengths("a.txt", "\n# from here\n 4 \n\n\t5\n\n") == Lengths{4, 5});
  CHECK(lengths("a", "1073741824") == Lengths{max_tokens});
  const Trace trace = *load("mine.txt", "# from here\n# and there\n4\n");
  CHECK(trace.name == "mine");
}

TEST_CASE("CSV traces have a length or tokens column") {
  CHECK(lengths("a.csv", "tokens\n4\n5\n") == Lengths{4, 5});
  CHECK(lengths("a.csv", "# source\r\nid,length,text\r\n7,4,a\r\n8, 5 ,\r\n") == Lengths{4, 5});
  CHECK(lengths("a.csv", "\"text\",\"length\"\n\"a, b\",4\n") == Lengths{4});
}

TEST_CASE("JSON lines traces have a length or tokens field") {
  CHECK(lengths("a.jsonl", "{\"length\": 4}\n{\"text\": \"#\", \"tokens\": 5}\n\n") ==
        Lengths{4, 5});
}

TEST_CASE("JSON traces are an array of lengths or a histogram") {
  CHECK(lengths("a.json", "[4, 5]") == Lengths{4, 5});
  const Trace trace = *load("a.json", histogram("[[1, 4, 2], [5, 5, 0], [6, 9, 0.5]]"));
  CHECK(trace.name == "h");
  REQUIRE(trace.bins.size() == 2);  // an empty bin is no bin
  CHECK(trace.bins[1].low == 6);
  CHECK(trace.bins[1].high == 9);
  CHECK(trace.bins[1].count == 0.5);
}

TEST_CASE("a bad line is named with what stands there") {
  struct Row {
    const char* name;
    const char* text;
    const char* position;
    const char* found;
  };
  const Row row = GENERATE(values<Row>({
      {"a.txt", "4\n-5\n", "line 2", "-5"},
      {"a.txt", "4\n\n0\n", "line 3", "0"},
      {"a.txt", "4\nfive\n", "line 2", "'five'"},
      {"a.txt", "4.5\n", "line 1", "'4.5'"},
      {"a.txt", "4 5\n", "line 1", "'4 5'"},
      {"a.txt", "1073741825", "line 1", "1073741825"},
      {"a.txt", "99999999999999999999", "line 1", "'99999999999999999999'"},
      {"a.csv", "1\n2\n", "line 1", "'1'"},
      {"a.csv", "len\n2\n", "line 1", "'len'"},
      {"a.csv", "id,length\n1,2\n3\n", "line 3", "1"},
      {"a.csv", "length\n2\nx\n", "line 3", "'x'"},
      {"a.csv", "length,b\n,4\n", "line 2", "''"},
      {"a.jsonl", "{\"length\": 4}\n{\"size\": 5}", "line 2", "neither"},
      {"a.jsonl", "{\"length\": \"4\"}", "line 1", "\"4\""},
      {"a.jsonl", "{\"length\": 4.5}", "line 1", "4.5"},
      {"a.jsonl", "{\"length\": 18446744073709551615}", "line 1", "18446744073709551615"},
      {"a.jsonl", "{\"length\": -1}", "line 1", "-1"},
      {"a.jsonl", "4", "line 1", "4"},
      {"a.jsonl", "{\"length\": 4", "line 1", "end of file"},
      {"a.json", "[4, 0]", "/1", "0"},
      {"a.json", "[4, \"5\"]", "/1", "\"5\""},
      {"a.json", "[1e999]", "line 1, column 2", "'1e999]'"},
      {"a.json", "4", "/", "4"},
  }));
  const Error error = error_of(row.name, row.text);
  INFO(row.text);
  CHECK(error.position == row.position);
  CHECK(error.found == row.found);
}

TEST_CASE("bad histograms are named at the bin") {
  const auto bins =
      GENERATE(as<std::string>(), "[4]", "[[0, 4, 1]]", "[[5, 4, 1]]", "[[1, 4, -1]]", "[[1, 4]]",
               "[[1, 4, \"1\"]]", "[[1, 4.5, 1]]", "[[1, 4, 1e300]]", "[[1, 1073741825, 1]]");
  CHECK(error_of("a.json", histogram(bins)).position == "/bins/0");
}

TEST_CASE("an empty or foreign trace is refused") {
  CHECK(error_of("a.txt", "").message == "an empty trace");
  CHECK(error_of("a.txt", "# nothing\n\n").message == "an empty trace");
  CHECK(error_of("a.csv", "length\n").message == "an empty trace");
  CHECK(error_of("a.jsonl", "").message == "an empty trace");
  CHECK(error_of("a.json", "[]").message == "an empty trace");
  CHECK(error_of("a.json", histogram("[]")).message == "an empty histogram");
  CHECK(error_of("a.json", histogram("[[1, 2, 0]]")).message == "an empty histogram");
  CHECK(error_of("a.json", histogram("{}")).position == "/bins");
  CHECK(error_of("a.json", R"({"schema": "hsap.model/1"})").position == "/schema");
  CHECK(load_trace("wlb-lm").error().expected.find("'wlb-llm'") != std::string::npos);
}

TEST_CASE("a 10 GB list is refused at once, whatever its form") {
  const auto name = GENERATE(as<std::string>(), "a.txt", "a.csv", "a.jsonl", "a.json");
  const test::Folder folder;
  const Result<Trace> trace = load_trace(folder.sparse(name, std::uintmax_t{10} << 30));
  REQUIRE_FALSE(trace);
  CHECK(trace.error().message == "file too large");
}

TEST_CASE("a long run of bytes without a line end is refused before it fills memory") {
  const test::Folder folder;
  const Result<Trace> trace = load_trace(folder.sparse("a.txt", std::uintmax_t{1} << 30));
  REQUIRE_FALSE(trace);
  CHECK(trace.error().message == "line too long");
}

TEST_CASE("shipped traces are those of their sources") {
  const auto mean = [](const Trace& trace) {
    return std::accumulate(trace.lengths.begin(), trace.lengths.end(), 0.0) /
           static_cast<double>(trace.lengths.size());
  };
  const auto count = [](const Trace& trace) {
    double total = 0;
    for (const Trace::Bin& bin : trace.bins) total += bin.count;
    return total;
  };
  const Trace wlb = *load_trace("wlb-llm");
  CHECK(wlb.lengths.size() == 99519);
  CHECK(mean(wlb) == Approx(3961.8).epsilon(1e-4));
  const Trace prolong = *load_trace("prolong");
  CHECK(prolong.lengths.size() == 77932);
  CHECK(mean(prolong) == Approx(3051.9).epsilon(1e-4));
  CHECK(count(*load_trace("wikipedia")) == 1'000'000);
  CHECK(count(*load_trace("magi")) == 13'463'214);
}
