#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "validate/cases/predict_case.hpp"

/// Files of measured cases in a few words, for their tests.
namespace hsap::cases {

inline json::Value file_with(const std::string& items) {
  return json::Value::parse(R"({"schema": "hsap.cases/1", "source": "a test", "cluster": "dgx-h100",
                                "runtime": "ideal", "cases": [)" +
                            items + "]}");
}

inline CaseFile good(const std::string& items) {
  Result<CaseFile> file = parse_cases(file_with(items), "cases.json");
  if (!file) FAIL(file.error().text());
  return std::move(*file);
}

inline std::string error_of(const json::Value& value) {
  const Result<CaseFile> file = parse_cases(value, "cases.json");
  REQUIRE_FALSE(file);
  return file.error().text();
}

inline double seconds_of(const CaseFile& file) {
  const Result<double> seconds = predict_case(file, file.cases.front());
  if (!seconds) FAIL(seconds.error().text());
  return *seconds;
}

}  // namespace hsap::cases
