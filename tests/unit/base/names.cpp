#include "base/names.hpp"

#include <catch2/catch.hpp>

using namespace hsap;
using Names = std::vector<std::string>;

TEST_CASE("near misses are sorted by edit distance and at most three") {
  const Names known{"dgx-a100", "dgx-h100", "hgx-h200", "single-gpu", "a800", "h800"};
  CHECK(near_misses("dgx-h10", known) == Names{"dgx-h100", "dgx-a100"});
  CHECK(near_misses("zzz", known).empty());
  CHECK(near_misses("h", known).size() == 3);  // contained in several
  CHECK(near_misses(std::string(1'000'000, 'a'), known).empty());
}

TEST_CASE("suggestions fall back on all names, within reason") {
  CHECK(one_of(Names{"a"}) == "'a'");
  CHECK(one_of(Names{"a", "b", "c"}) == "'a', 'b' or 'c'");
  CHECK(suggest("quite different", Names{"ab", "cd"}) == "'ab' or 'cd'");
  Names many;
  for (int i = 0; i < 20000; ++i) many.push_back("name" + std::to_string(i));
  const std::string text = suggest("quite different", many);
  CHECK(text.size() < 400);
  CHECK(text.substr(text.size() - 5) == ", ...");
}
