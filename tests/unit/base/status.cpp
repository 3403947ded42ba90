#include "hsap/status.hpp"

#include <catch2/catch.hpp>
#include <memory>

using namespace hsap;

namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return bad_input("odd", std::to_string(n), "an even number");
  return n / 2;
}

Result<int> quarter(int n) {
  HSAP_TRY(const int once, half(n));
  HSAP_TRY(const int twice, half(once));
  return twice;
}

Status check_even(int n) {
  HSAP_CHECK([&]() -> Status {
    if (n % 2 != 0) return infeasible("odd");
    return {};
  }());
  return {};
}

}  // namespace

TEST_CASE("an error reads as file, position, message, found and expected") {
  Error error = bad_input("out of range", "-5", "at least 0");
  CHECK(error.text() == "out of range; found -5, expected at least 0");
  error.file = "a.json";
  error.position = "/nic/count";
  CHECK(error.text() == "a.json: /nic/count: out of range; found -5, expected at least 0");
  error.found.clear();
  CHECK(error.text() == "a.json: /nic/count: out of range; expected at least 0");
  CHECK(bad_input("no").text() == "no");
}

TEST_CASE("text from a file cannot steer the terminal") {
  CHECK(bad_input("bad", "'\x1b[2J\x07'").text() == "bad; found '?[2J?'");
  CHECK(bad_input("bad", "'\xc3\xa9'").text() == "bad; found '\xc3\xa9'");
}

TEST_CASE("errors are UTF-8, whatever a file holds") {
  const std::string good = "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80";
  CHECK(bad_input(good).text() == good);
  CHECK(bad_input("cut \xe2\x82").text() == "cut ??");
  CHECK(bad_input("\xff\xc3 a").text() == "?? a");
  CHECK(bad_input("\xc0\xaf \xe0\x80\xaf").text() == "?? ???");            // longer than needed
  CHECK(bad_input("\xed\xa0\x80 \xf4\x90\x80\x80").text() == "??? ????");  // no characters
  CHECK(bad_input("\xc2\x9b[2J").text() == "??[2J");                       // steers terminals
}

TEST_CASE("a huge value is told by its beginning") {
  const std::string huge(1 << 20, '9');
  CHECK(bad_input("bad", huge, "less").text() ==
        "bad; found " + huge.substr(0, 400) + "..., expected less");
  Error error = bad_input("unknown key");
  error.position = "/" + huge;
  CHECK(error.text().size() < 500);
}

TEST_CASE("kinds tell a mistake from a no and from a bug") {
  CHECK(bad_input("a").kind == ErrorKind::bad_input);
  CHECK(infeasible("a").kind == ErrorKind::infeasible);
  CHECK(internal_error("a").kind == ErrorKind::internal);
}

TEST_CASE("the macros bind a value or pass the error on") {
  CHECK(*quarter(12) == 3);
  CHECK(quarter(6).error().found == "3");
  CHECK(quarter(5).error().found == "5");
  CHECK(check_even(2));
  CHECK(check_even(3).error().kind == ErrorKind::infeasible);
}

TEST_CASE("a result hands out what can only be moved") {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  REQUIRE(result);
  const std::unique_ptr<int> taken = *std::move(result);
  CHECK(*taken == 7);
}
