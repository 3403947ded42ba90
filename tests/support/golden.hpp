#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace hsap::test {

/// Compares `text` with the file `path`. With HSAP_ACCEPT=1 in the environment the file is
/// replaced instead: the one command that accepts a deliberate change.
inline void check_golden(const std::string& path, const std::string& text) {
  if (std::getenv("HSAP_ACCEPT") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
  }
  std::ifstream in(path, std::ios::binary);
  std::ostringstream expected;
  expected << in.rdbuf();
  INFO("golden file " << path << "; HSAP_ACCEPT=1 accepts a change");
  CHECK(text == expected.str());
}

}  // namespace hsap::test
