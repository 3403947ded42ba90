#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cost/measurements/read.hpp"
#include "kernels/bench/bench.hpp"
#include "support/folder.hpp"

using namespace hsap;

namespace {

bench::Row attention(const char* pass, std::int64_t tokens, bool packed) {
  bench::Row row;
  row.kernel = pass;
  row.what = "test";
  row.tokens = tokens;
  row.heads = 64;
  row.key_heads = 8;
  row.head_dim = 128;
  row.mask = "causal";
  row.packed = packed;
  row.seconds = 1.25e-3;
  row.flop = 4e11;
  row.bytes = 1e9;
  return row;
}

}  // namespace

TEST_CASE("a call takes at least the time of its FLOP and of its bytes") {
  const bench::Limits limits{8e14, 4e12};
  bench::Row row = attention("forward", 4096, false);
  CHECK(limits.floor_s(row) == Approx(5e-4));
  row.bytes = 4e9;
  CHECK(limits.floor_s(row) == Approx(1e-3));
}

TEST_CASE("calibrate reads the measured kernels") {
  bench::Row copy;
  copy.kernel = "copy";
  copy.bytes = 1e9;
  copy.seconds = 1e-3;
  const std::vector<bench::Row> rows = {copy, attention("forward", 4096, false),
                                        attention("backward", 8192, false),
                                        attention("forward", 65536, true)};
  const test::Folder folder;
  const std::string path = folder.write("kernels.csv", bench::calibration(rows, "Some GPU"));
  fit::Data data;
  const Status read = fit::read_kernels(path, data);
  INFO((read ? "" : read.error().text()));
  REQUIRE(read);
  REQUIRE(data.kernels.size() == 2);
  CHECK(data.kernels[0].queries == 4096);
  CHECK(data.kernels[0].causal);
  CHECK(data.kernels[0].seconds == Approx(1.25e-3));
  CHECK(data.kernels[1].pass == Pass::backward);
  CHECK(data.kernels[1].keys == 8192);
}

TEST_CASE("the report holds every row") {
  kernels::Device device;
  device.name = "Some GPU";
  device.sms = 132;
  const std::string text = bench::report({attention("forward", 4096, true)}, {8e14, 4e12}, device);
  const auto document = nlohmann::json::parse(text);
  CHECK(document["schema"] == "hsap.kernel_bench/1");
  REQUIRE(document["rows"].size() == 1);
  CHECK(document["rows"][0]["packed"] == true);
  CHECK(document["rows"][0]["floor_s"] == Approx(5e-4));
}
