#include "export/plan/fingerprint.hpp"

#include <catch2/catch.hpp>

#include "support/folder.hpp"

using namespace hsap;

TEST_CASE("FNV-1a gives the published values") {
  // From the authors' test vectors (draft-eastlake-fnv).
  CHECK(fnv1a64("") == "cbf29ce484222325");
  CHECK(fnv1a64("a") == "af63dc4c8601ec8c");
  CHECK(fnv1a64("foobar") == "85944171f73967e8");
}

TEST_CASE("different batches have different texts") {
  const std::vector<Batch> split{Batch{{1}}, Batch{{2}}};
  const std::vector<Batch> joined{Batch{{1, 2}}};
  const std::vector<Batch> number{Batch{{12}}};
  CHECK(batches_text(split) == "1,\n2,\n");
  CHECK(batches_text(joined) == "1,2,\n");
  CHECK(batches_text(number) == "12,\n");
}

TEST_CASE("an input is hashed as its file stands, and a missing one is an error") {
  const Result<InputHash> cluster = hash_input("cluster", "topologies", "dgx-h100");
  REQUIRE(cluster.ok());
  CHECK(cluster->what == "cluster");
  CHECK(cluster->name == "dgx-h100");
  CHECK(cluster->hash.size() == 16);
  CHECK_FALSE(hash_input("cluster", "topologies", "dgx-h1000").ok());
  // Of several blocks, the last of them short, and of none.
  const test::Folder folder;
  std::string text((std::size_t{5} << 19) + 3, 'x');
  for (std::size_t i = 0; i < text.size(); i += 7) text[i] = static_cast<char>('a' + i % 26);
  CHECK(hash_input("trace", "traces", folder.write("long.txt", text))->hash == fnv1a64(text));
  CHECK(hash_input("trace", "traces", folder.write("empty.txt", ""))->hash == fnv1a64(""));
}
