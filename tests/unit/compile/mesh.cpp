#include "compile/mesh.hpp"

#include <catch2/catch.hpp>

namespace hsap {
namespace {

TEST_CASE("rank and seat are each other's inverse in both orders") {
  for (const Order order : {Order::ulysses_inner, Order::context_inner}) {
    const Mesh mesh({.ulysses = 3, .context_parallel = 5, .order = order}, {.query = 3});
    for (Rank rank = 0; rank < mesh.ranks(); ++rank) CHECK(mesh.rank(mesh.seat(rank)) == rank);
  }
  const Heads heads{.query = 3, .key_value = 3, .dim = 8};
  const Mesh inner({.ulysses = 3, .context_parallel = 5}, heads);
  CHECK(inner.rank({.u = 1, .c = 2}) == 7);
  const Mesh outer({.ulysses = 3, .context_parallel = 5, .order = Order::context_inner}, heads);
  CHECK(outer.rank({.u = 1, .c = 2}) == 7);
  CHECK(outer.rank({.u = 2, .c = 0}) == 10);
}

TEST_CASE("a context group strides over the Ulysses groups or runs over consecutive ranks") {
  const Heads heads{.query = 3, .key_value = 3, .dim = 8};
  const Group strided = Mesh({.ulysses = 3, .context_parallel = 5}, heads).context_group(1);
  CHECK(strided == Group{.first = 1, .count = 5, .stride = 3});
  const Strategy strategy{.ulysses = 3, .context_parallel = 5, .order = Order::context_inner};
  CHECK(Mesh(strategy, heads).context_group(1) == Group{.first = 5, .count = 5, .stride = 1});
}

TEST_CASE("uneven heads: every query head has one member, with the key heads that it reads") {
  // 10 query heads over 4 members: 2, 3, 2 and 3; 5 query heads read one key head.
  const Mesh mesh({.ulysses = 4}, {.query = 10, .key_value = 2, .dim = 8});
  CHECK(mesh.query_heads(0) == HeadRange{0, 2});
  CHECK(mesh.query_heads(1) == HeadRange{2, 5});
  CHECK(mesh.query_heads(2) == HeadRange{5, 7});
  CHECK(mesh.query_heads(3) == HeadRange{7, 10});
  CHECK(mesh.key_heads(1) == HeadRange{0, 1});
  CHECK(mesh.key_heads(2) == HeadRange{1, 2});
  // 12 over 5, three to a key head: member 2 has heads 4 to 7 and reads keys 1 and 2.
  const Mesh uneven({.ulysses = 5}, {.query = 12, .key_value = 4, .dim = 8});
  CHECK(uneven.query_heads(2) == HeadRange{4, 7});
  CHECK(uneven.key_heads(2) == HeadRange{1, 3});
}

}  // namespace
}  // namespace hsap
