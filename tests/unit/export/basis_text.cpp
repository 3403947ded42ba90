#include "export/basis_text.hpp"

#include <catch2/catch.hpp>

using namespace hsap;

TEST_CASE("why a number is extrapolated: what was asked for, and what is known") {
  CHECK(why({"x", Basis::Kind::calibrated}).empty());
  CHECK(why({"x", Basis::Kind::uncalibrated, "because"}) == "because");
  CHECK(why({"x",
             Basis::Kind::extrapolated,
             "",
             {{"heads", 1, 8, 16, 64}, {"head_dim", 128, 128, 64, 64}}}) ==
        "heads 1 to 8, calibrated at 16 to 64; head_dim 128, calibrated at 64");
  CHECK(why({"x", Basis::Kind::extrapolated, "", {{"sizes", 1e3, 2e3, 1e6, 1e9, true}}}) ==
        "sizes 1.0 KB to 2.0 KB, calibrated at 1.0 MB to 1.00 GB");
}
