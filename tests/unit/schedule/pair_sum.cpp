#include "schedule/verify/pair_sum.hpp"

#include <catch2/catch.hpp>
#include <random>

namespace hsap::verifier {
namespace {

/// The sum by its definition, pair by pair, in plain 128-bit arithmetic.
class Definition {
 public:
  void add(Token query, Token key) { total_ = total_ + a_.power(at(query)) * b_.power(at(key)); }
  [[nodiscard]] Residue total() const { return total_; }

 private:
  static std::uint64_t at(Token token) { return static_cast<std::uint64_t>(token); }
  // PairSum's bases, found from one-pair bands: a^1 b^0 and a^0 b^1.
  Residue a_ = PairSum(4, 1).of({{1, 2, 1}, {0, 1, 1}, 0, 0});
  Residue b_ = PairSum(4, 1).of({{0, 1, 1}, {1, 2, 1}, 0, 0});
  Residue total_;
};

TEST_CASE("arithmetic modulo 2^61 - 1") {
  const std::uint64_t prime = (std::uint64_t{1} << 61) - 1;
  CHECK(Residue(prime) == Residue(0));
  CHECK(Residue(prime - 1) + Residue(2) == Residue(1));
  CHECK(Residue(3) - Residue(5) == Residue(prime - 2));
  // 2^60 * 2^60 = 2^120 = 2^(61 + 59) = 2^59.
  CHECK(Residue(std::uint64_t{1} << 60) * Residue(std::uint64_t{1} << 60) ==
        Residue(std::uint64_t{1} << 59));
  CHECK(Residue(12345).power(0) == Residue(1));
  CHECK(Residue(12345) * Residue(12345).inverse() == Residue(1));
}

TEST_CASE("powers by table are powers") {
  const Residue base(987654321);
  const PowerTable table(base, 70000);
  for (const std::int64_t exponent : {0, 1, 255, 256, 65535, 65536, 70000}) {
    CHECK(table(exponent) == base.power(static_cast<std::uint64_t>(exponent)));
  }
}

TEST_CASE("the sum of a slice is the sum over its pairs, also of a window of it") {
  std::mt19937 random(3);
  const auto draw = [&](int low, int high) {
    return static_cast<Token>(low +
                              static_cast<int>(random() % static_cast<unsigned>(high - low + 1)));
  };
  for (int round = 0; round < 2000; ++round) {
    const Token stride = draw(1, 3);
    const Token q = draw(0, 10), k = draw(0, 10);
    const Slice slice{make_interval(q, q + draw(1, 9), stride),
                      make_interval(k, k + draw(1, 9), stride), static_cast<SliceKind>(draw(0, 3))};
    const bool whole = draw(0, 1) == 0;
    const Token q0 = draw(0, 20), k0 = draw(0, 20);
    const Window window =
        whole ? Window{0, 20, 0, 20} : Window{q0, q0 + draw(0, 9), k0, k0 + draw(0, 9)};
    Definition definition;
    for (Token query = window.query_begin; query < window.query_end; ++query) {
      for (Token key = window.key_begin; key < window.key_end; ++key) {
        if (attends(slice, query, key)) definition.add(query, key);
      }
    }
    const PairSum pair_sum(40, stride);
    INFO("round " << round);
    REQUIRE(pair_sum.of(restrict_to(band_of(slice), window)) == definition.total());
  }
}

TEST_CASE("a document cut in any way has one sum") {
  // Causal over 2^30 tokens = causal over the first part + causal over the rest + the rectangle
  // between them: exponents up to the largest that a batch can have.
  const Token tokens = Token{1} << 30, middle = 123456789;
  const PairSum pair_sum(tokens, 1);
  const auto sum = [&](Token q0, Token q1, Token k0, Token k1, SliceKind kind) {
    return pair_sum.of(band_of({{q0, q1, 1}, {k0, k1, 1}, kind}));
  };
  CHECK(sum(0, tokens, 0, tokens, SliceKind::causal) ==
        sum(0, middle, 0, middle, SliceKind::causal) +
            sum(middle, tokens, middle, tokens, SliceKind::causal) +
            sum(middle, tokens, 0, middle, SliceKind::full));
}

}  // namespace
}  // namespace hsap::verifier
