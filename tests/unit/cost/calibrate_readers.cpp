#include <catch2/catch.hpp>

#include "cost/calibrate/kernels.hpp"
#include "cost/measurements/read.hpp"
#include "support/folder.hpp"

// Tables of people and other programs: what is read, and how each mistake is told.
namespace hsap {
namespace {

/// The error of a table of transfers.
Error refused_transfers(const std::string& text) {
  const test::Folder folder;
  fit::Data data;
  const Status read = fit::read_transfers(folder.write("t.csv", text), data);
  return read.ok() ? bad_input("none") : read.error();
}

Error refused_kernels(const std::string& row) {
  const test::Folder folder;
  fit::Data data;
  const std::string header = "q_len,kv_len,heads,head_dim,mask,pass,us\n";
  const Status read = fit::read_kernels(folder.write("k.csv", header + row + "\n"), data);
  return read.ok() ? bad_input("none") : read.error();
}

}  // namespace

TEST_CASE("A table of transfers is read in both forms of a pattern") {
  const test::Folder folder;
  fit::Data data;
  const std::string path = folder.write("t.csv",
                                        "\xEF\xBB\xBF# a source\r\nus,ignored,pattern, bytes\r\n"
                                        "10,x,0>8 8>0,1024\r\n\r\n"
                                        "12.5,\"a \"\"b\"\", c\",\"[[0,8],[8,0]]\",2048\r\n"
                                        "9,,1>2,1e6");
  REQUIRE(fit::read_transfers(path, data).ok());
  REQUIRE(data.transfers.size() == 3);
  CHECK(data.patterns.size() == 2);
  CHECK(data.patterns[0].transfers == std::vector<fit::Transfer>{{0, 8}, {8, 0}});
  CHECK(data.patterns[0].name == "0>8 8>0");
  CHECK(data.transfers[1].pattern == 0);
  CHECK(data.transfers[1].bytes == 2048);
  CHECK(data.transfers[1].seconds == Approx(12.5e-6));
  CHECK(data.transfers[1].place.line == 5);
  CHECK(data.transfers[2].bytes == 1e6);
}

TEST_CASE("Mistakes in a table of transfers are told with their line") {
  const std::string header = "pattern,bytes,us\n";
  CHECK(refused_transfers("").message == "an empty table");
  CHECK(refused_transfers("pattern,bytes,ms\n").message == "no column 'us'");
  CHECK(refused_transfers("pattern,bytes,ms\n").found == "'pattern,bytes,ms'");
  CHECK(refused_transfers("us,pattern,bytes,us\n").message == "a column named twice");
  CHECK(refused_transfers(header + "0>1,8\n").message == "a row of another width than the header");
  CHECK(refused_transfers(header + "0>1,8,1,1\n").position == "line 2");
  CHECK(refused_transfers(header + "\"0>1,8,1\n").message == "a quote is not closed");
  for (const char* us : {"0", "-5", "nan", "inf", "1e300", "12us", "", "1,5"}) {
    INFO(us);
    CHECK(refused_transfers(header + "0>1,8," + us + "\n").message != "none");
  }
  CHECK(refused_transfers(header + "0>1,8,-5\n").found == "'-5'");
  CHECK(refused_transfers(header + "0>1,0,5\n").message == "bad 'bytes'");
}

TEST_CASE("Patterns that are none are refused") {
  for (const char* text :
       {"",          "0",           "0>",      ">1",     "0>1>2", "0-1",
        "0>0",       "0>70000",     "-1>0",    "0>1,",   "[]",    "[[0]]",
        "[[0,1,2]]", "[[0,\"1\"]]", "[[0,0]]", "[[0,1]", "{}",    "[[0,99999999999999999999]]",
        "[[0,1.5]]", "[0,1]"}) {
    INFO(text);
    CHECK_FALSE(fit::parse_pattern(text).ok());
  }
  CHECK(fit::parse_pattern("0>1   1>0")->size() == 2);
}

TEST_CASE("A table of kernels is read") {
  const test::Folder folder;
  fit::Data data;
  REQUIRE(fit::read_kernels(folder.write("k.csv",
                                         "gpu,q_len,kv_len,heads,head_dim,mask,pass,us\n"
                                         "X,2048,4096,32,128,causal,backward,150.5\n"),
                            data)
              .ok());
  REQUIRE(data.kernels.size() == 1);
  const fit::KernelRow& row = data.kernels[0];
  CHECK(row.queries == 2048);
  CHECK(row.keys == 4096);
  CHECK(row.heads == 32);
  CHECK(row.causal);
  CHECK(row.pass == Pass::backward);
  CHECK(row.seconds == Approx(150.5e-6));
}

TEST_CASE("Kernels without a pass are forward") {
  const test::Folder folder;
  fit::Data data;
  REQUIRE(fit::read_kernels(
      folder.write("k.csv", "q_len,kv_len,heads,head_dim,mask,us\n256,512,1,128,full,16.4\n"),
      data));
  REQUIRE(data.kernels.size() == 1);
  CHECK(data.kernels[0].pass == Pass::forward);
  CHECK(data.kernels[0].seconds == Approx(16.4e-6));
}

TEST_CASE("Mistakes in a table of kernels are told") {
  CHECK(refused_kernels("0,1,1,128,full,forward,1").message == "bad 'q_len'");
  CHECK(refused_kernels("1.5,1,1,128,full,forward,1").found == "'1.5'");
  CHECK(refused_kernels("1,999999999999,1,128,full,forward,1").message == "bad 'kv_len'");
  CHECK(refused_kernels("1,1,-1,128,full,forward,1").message == "bad 'heads'");
  CHECK(refused_kernels("1,1,1,1e9,full,forward,1").message == "bad 'head_dim'");
  CHECK(refused_kernels("1,1,1,128,sliding,forward,1").expected == "'causal' or 'full'");
  CHECK(refused_kernels("1,1,1,128,full,fwd,1").expected == "'forward' or 'backward'");
  CHECK(refused_kernels("1,1,1,128,full,forward,0").message == "bad 'us'");
}

TEST_CASE("Nothing grows without bound") {
  const test::Folder folder;
  fit::Data data;
  CHECK(fit::read_transfers(folder.sparse("huge.csv", std::uintmax_t{1} << 40), data)
            .error()
            .text()
            .find("too large") != std::string::npos);
  CHECK(refused_transfers("pattern,bytes,us\n" + std::string(2 << 20, '0')).message ==
        "line too long");
  std::string rows = "pattern,bytes,us\n";
  for (std::size_t i = 0; i <= fit::max_rows; ++i) rows += "0>1,8,1\n";
  CHECK(refused_transfers(rows).message == "too many rows");
  std::string patterns = "pattern,bytes,us\n";
  for (std::size_t i = 1; i <= fit::max_patterns + 1; ++i) {
    patterns += "0>" + std::to_string(i) + ",8,1\n";
  }
  CHECK(refused_transfers(patterns).message == "too many different patterns");
  CHECK(refused_transfers(std::string(5000, ',') + "\n").message == "too many columns");
}

TEST_CASE("Packed documents are a column that may be missing") {
  const test::Folder folder;
  fit::Data data;
  const std::string header = "q_len,kv_len,heads,head_dim,mask,pass,us,document\n";
  const std::string row = "8192,16384,8,128,full,forward,100,";
  REQUIRE(fit::read_kernels(folder.write("k.csv", header + row + "1024\n" + row + "0\n"), data));
  REQUIRE(data.kernels.size() == 2);
  CHECK(data.kernels[0].documents() == 8);
  CHECK(fit::slices_of(data.kernels[0])[1] == Slice{{1024, 2048}, {2048, 4096}, SliceKind::full});
  CHECK(fit::slices_of(data.kernels[1]).size() == 1);
  for (const char* document : {"1000", "1", "16384", "-1", ""}) {
    INFO(document);
    const Status read = fit::read_kernels(folder.write("k.csv", header + row + document), data);
    REQUIRE_FALSE(read);
    CHECK(read.error().position == "line 2");
  }
}

TEST_CASE("A table of kernels that move rows") {
  const test::Folder folder;
  fit::Data data;
  const std::string header = "kernel,bytes,us\n";
  REQUIRE(fit::read_copies(folder.write("c.csv", header + "merge,1048576,4.5\n"), data));
  REQUIRE(data.copies.size() == 1);
  CHECK(data.copies[0].kernel == "merge");
  CHECK(data.copies[0].seconds == Approx(4.5e-6));
  const Status read = fit::read_copies(folder.write("c.csv", header + "merge,0,4.5\n"), data);
  REQUIRE_FALSE(read);
  CHECK(read.error().position == "line 2");
}

}  // namespace hsap
