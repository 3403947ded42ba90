#include "export/plan/schedule.hpp"

#include <catch2/catch.hpp>

using namespace hsap;

namespace {

/// Two ranks; rank 0 sends its keys to rank 1. Every array but groups and work is in use.
Schedule sample_schedule() {
  Schedule s;
  s.tokens = 8;
  s.heads = {2, 1, 8};
  s.intervals = {{0, 4, 1}, {4, 8, 1}, {0, 7, 2}};
  s.buffers = {{0, Role::k, Usage::input, Dtype::bf16, {0, 1}, {0, 1}},
               {1, Role::k, Usage::staging, Dtype::bf16, {0, 1}, {0, 1}}};
  s.transfers = {{1, 0, {0, 1}, {0, 1}, Direction::send, false},
                 {0, 1, {0, 1}, {0, 1}, Direction::receive, true}};
  s.slices = {{{4, 8, 1}, {0, 4, 1}, SliceKind::full}};
  s.groups = {{0, 2, 1}};
  s.work = {{1e9, 2.5e6}};
  s.dependencies = {1};
  s.operands = {1};
  s.operations = {
      {0, Kind::exchange, Stream::keys, false, false, {0, 1}, {0, 1}, {0, 0}, {0, 0}},
      {1, Kind::exchange, Stream::keys, false, false, {0, 1}, {1, 1}, {0, 0}, {0, 0}},
      {1, Kind::attend, Stream::compute, true, false, {0, 2}, {0, 1}, {0, 1}, {0, 1}},
      {1, Kind::compute, Stream::compute, false, false, {0, 0}, {0, 1}, {0, 0}, {0, 0}}};
  s.programs = {{0, 1}, {1, 3}};
  s.home = {{0, 1}, {1, 1}};
  return s;
}

/// Reads the schedule as a member "s" of a document.
Result<Schedule> read(const json::Value& schedule) {
  const json::Value document{{"s", schedule}};
  json::Object root(document, "p.json");
  Schedule out = read_schedule(root.object("s"));
  HSAP_CHECK(root.finish());
  return out;
}

std::string error_of(const json::Value& schedule) {
  const Result<Schedule> result = read(schedule);
  return result ? "" : result.error().text();
}

}  // namespace

TEST_CASE("a schedule survives being written and read") {
  const std::string text = to_json(sample_schedule()).dump();
  const Result<Schedule> result = read(json::Value::parse(text));
  REQUIRE(result.ok());
  const Schedule& again = *result;
  CHECK(to_json(again).dump() == text);
  CHECK(again.slices == sample_schedule().slices);
  CHECK(again.footprint_bytes() == sample_schedule().footprint_bytes());
}

TEST_CASE("every index of a schedule is checked") {
  struct Case {
    const char* pointer;
    const char* value;
    const char* error;
  };
  const Case cases[] = {
      {"/pass", "\"both\"", "/pass: unknown pass; found 'both', expected 'forward' or 'backward'"},
      {"/tokens", "1152921504606846976",
       "/tokens: out of range; found 1152921504606846976, expected an integer from 1 to "
       "1073741824"},
      {"/intervals/1/1", "9", "/intervals/1/1: bad cell; found 9, expected an integer from 4 to 8"},
      {"/intervals/2/1", "8",
       "/intervals/2: interval not in canonical form; found an array of 3, expected an end one "
       "past the last token held"},
      {"/intervals/2", "[0, 1]",
       "/intervals/2: wrong type; found an array of 2, expected an array of 3"},
      {"/buffers/0/1", "\"z\"",
       "/buffers/0/1: bad cell; found \"z\", expected 'q', 'k', 'v', 'o', 'lse', 'dq', 'dk', "
       "'dv', 'do' or 'delta'"},
      {"/buffers/0/7", "4", "/buffers/0/7: bad cell; found 4, expected an integer from 0 to 3"},
      {"/buffers/0/0", "2", "/buffers/0: rank out of range; found 2, expected below 2"},
      {"/transfers/0/0", "\"push\"",
       "/transfers/0/0: bad cell; found \"push\", expected 'send' or 'receive'"},
      {"/transfers/0/2", "2", "/transfers/0/2: bad cell; found 2, expected an integer from 0 to 1"},
      {"/transfers/0/1", "2", "/transfers/0: rank out of range; found 2, expected below 2"},
      {"/transfers/1/7", "1", "/transfers/1/7: bad cell; found 1, expected true or false"},
      {"/operations/0/0", "5", "/operations/0: rank out of range; found 5, expected below 2"},
      {"/operations/0/8", "1152921504606846976",
       "/operations/0/8: bad cell; found 1152921504606846976, expected an integer from 0 to 2"},
      {"/operations/2/7", "2",
       "/operations/2/7: bad cell; found 2, expected an integer from 0 to 1"},
      {"/operations/3/8", "0",
       "/operations/3: no payload; found 0, expected a payload of at least 1 for compute"},
      {"/dependencies/0", "4", "/dependencies/0: index out of range; found 4, expected below 4"},
      {"/operands/0", "2", "/operands/0: index out of range; found 2, expected below 2"},
      {"/groups/0/1", "3", "/groups/0: rank out of range; found 2, expected below 2"},
      {"/groups/0/1", "1048576", "/groups/0: rank out of range; found 1048575, expected below 2"},
      {"/work/0/0", "-1", "/work/0/0: bad cell; found -1, expected a number of at least 0"},
      {"/programs/1/1", "9", "/programs/1/1: bad cell; found 9, expected an integer from 0 to 3"},
      {"/home", "[]", "/home: not one row a rank; found 0, expected 2"},
      {"/home/0/0", "true", "/home/0/0: bad cell; found true, expected an integer from 0 to 3"},
      {"/extra", "1", "/extra: unknown key; found 'extra', expected "},
  };
  for (const Case& each : cases) {
    json::Value value = json::Value::parse(to_json(sample_schedule()).dump());
    value[json::Value::json_pointer(each.pointer)] = json::Value::parse(each.value);
    INFO(each.pointer << " = " << each.value);
    const std::string error = error_of(value);
    const std::string expected = "p.json: /s" + std::string(each.error);
    CHECK(error.substr(0, expected.size()) == expected);
  }
}

TEST_CASE("a schedule without one of its members names the member") {
  const json::Value whole = json::Value::parse(to_json(sample_schedule()).dump());
  for (const auto& [key, unused] : whole.items()) {
    json::Value value = whole;
    value.erase(key);
    CHECK(error_of(value) ==
          "p.json: /s/" + key + ": missing key; found nothing, expected '" + key + "'");
  }
}
