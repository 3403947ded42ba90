#include "hsap/batch.hpp"

#include <catch2/catch.hpp>

using namespace hsap;

TEST_CASE("a batch knows its tokens and their prefix sums") {
  const Batch batch{{3, 1, 4}};
  CHECK(batch.tokens() == 8);
  CHECK(batch.documents() == 3);
  CHECK(batch.cu_seqlens() == std::vector<Token>{0, 3, 4, 8});
  CHECK(Batch{}.cu_seqlens() == std::vector<Token>{0});
}

TEST_CASE("documents are given as lengths, with suffixes and repeats") {
  CHECK(parse_documents("4096,512,64K")->lengths == std::vector<Token>{4096, 512, 65536});
  CHECK(parse_documents("1")->lengths == std::vector<Token>{1});
  const Batch repeated = *parse_documents("4Kx64,1");
  CHECK(repeated.documents() == 65);
  CHECK(repeated.tokens() == 64 * 4096 + 1);
  CHECK(parse_documents("1G")->tokens() == max_tokens);
}

TEST_CASE("bad document lists name the item") {
  struct Row {
    const char* text;
    const char* found;
  };
  const Row row = GENERATE(values<Row>({{"", "''"},
                                        {"4096,", "''"},
                                        {",1", "''"},
                                        {"4,-5", "'-5'"},
                                        {"4,0", "'0'"},
                                        {"4,x5", "''"},
                                        {"4x", "''"},
                                        {"4x0", "'0'"},
                                        {"4x-1", "'-1'"},
                                        {"1.5K", "'1.5K'"},
                                        {"4 5", "'4 5'"},
                                        {"2G", "'2G'"},
                                        {"1x16M,1x1", "'1x1'"},
                                        {"1Gx9G", "'9G'"}}));
  const Result<Batch> batch = parse_documents(row.text);
  INFO(row.text);
  REQUIRE_FALSE(batch);
  CHECK(batch.error().found == row.found);
  CHECK_FALSE(batch.error().expected.empty());
}

TEST_CASE("a batch has documents of at least one token and at most 2^30 in sum") {
  CHECK(check(Batch{{1}}));
  CHECK(check(Batch{{max_tokens - 1, 1}}));
  CHECK_FALSE(check(Batch{}));
  CHECK(check(Batch{{5, 0}}).error().message == "bad length of document 1");
  CHECK(check(Batch{{-5}}).error().found == "-5");
  // 4 x 2^30 would wrap to zero in 32 bits.
  CHECK(check(Batch{{max_tokens, max_tokens, max_tokens, max_tokens}}).error().message ==
        "batch too long");
}
