#include <catch2/catch.hpp>

#include "hsap/cost.hpp"

using namespace hsap;

namespace {

Slice square(Token tokens, SliceKind kind) {
  return {make_interval(0, tokens), make_interval(0, tokens), kind};
}

/// `count` documents, one after another.
std::vector<Slice> documents(int count, Token tokens) {
  std::vector<Slice> slices;
  for (Token begin = 0; begin < count * tokens; begin += tokens) {
    const Interval document = make_interval(begin, begin + tokens);
    slices.push_back({document, document, SliceKind::full});
  }
  return slices;
}

/// Ten multiprocessors; a tile of 128 x 128 at head_dim 128 (8,388,608 FLOP) takes 1 us on one;
/// a block 2 us more, a kernel 5 us more. Backward tiles hold 2.5 times the FLOP in 2 us.
Device toy() {
  constexpr double tile_flop = 4.0 * 128 * 128 * 128;
  Device device;
  device.multiprocessors = 10;
  device.forward = {128, 128, 10 * tile_flop / 1e-6, 2e-6, 5e-6};
  device.backward = {128, 128, 10 * 2.5 * tile_flop / 2e-6, 2e-6, 5e-6};
  return device;
}

double forward_s(const std::vector<Slice>& slices, int heads, const Device& device = toy(),
                 int head_dim = 128) {
  return attention_seconds(slices, heads, head_dim, Pass::forward, device);
}

}  // namespace

TEST_CASE("FLOP: four per pair and dimension forward, two and a half times that backward") {
  CHECK(attention_flop(10, 3, 128, Pass::forward) == 4.0 * 10 * 3 * 128);
  CHECK(attention_flop(10, 3, 128, Pass::backward) == 10.0 * 10 * 3 * 128);
}

TEST_CASE("One tile: launch, block overhead and tile time") {
  // 5 + 2 + 1 us, whatever part of the tile is filled.
  CHECK(forward_s({square(128, SliceKind::full)}, 1) == Approx(8e-6));
  CHECK(forward_s({square(1, SliceKind::full)}, 1) == Approx(8e-6));
  CHECK(forward_s({square(128, SliceKind::causal)}, 1) == Approx(8e-6));
}

TEST_CASE("Equal blocks run in waves") {
  // One block a head: 2 + 1 us; ten blocks a wave.
  for (const int heads : {1, 10}) {
    CHECK(forward_s({square(128, SliceKind::full)}, heads) == Approx(5e-6 + 3e-6));
  }
  CHECK(forward_s({square(128, SliceKind::full)}, 11) == Approx(5e-6 + 6e-6));
  CHECK(forward_s({square(128, SliceKind::full)}, 20) == Approx(5e-6 + 6e-6));
  CHECK(forward_s({square(128, SliceKind::full)}, 21) == Approx(5e-6 + 9e-6));
}

TEST_CASE("Too few blocks: the longest one decides") {
  // Causal, 4 blocks of 1, 2, 3 and 4 tiles on ten multiprocessors: 5 + 2 + 4 us.
  CHECK(forward_s({square(512, SliceKind::causal)}, 1) == Approx(11e-6));
}

TEST_CASE("Backward blocks own key tiles") {
  // 1,280 queries x 128 keys: forward ten blocks of one tile, backward one block of ten.
  const std::vector<Slice> tall{{make_interval(0, 1280), make_interval(0, 128), SliceKind::full}};
  CHECK(attention_seconds(tall, 1, 128, Pass::forward, toy()) == Approx(5e-6 + 3e-6));
  CHECK(attention_seconds(tall, 1, 128, Pass::backward, toy()) == Approx(5e-6 + 2e-6 + 20e-6));
}

TEST_CASE("A lone block runs at its share of a multiprocessor") {
  Device device = toy();
  device.forward.lone_block_rate = 0.5;
  CHECK(forward_s({square(128, SliceKind::full)}, 1, device) == Approx(5e-6 + 6e-6));
  // Two a multiprocessor fill it: no loss.
  CHECK(forward_s({square(128, SliceKind::full)}, 20, device) == Approx(5e-6 + 6e-6));
}

TEST_CASE("Too few long blocks are split where the kernel can") {
  Device device = toy();
  device.forward.splits_keys = true;
  // 2 blocks of 10 tiles become 2 x 10 of 1 tile: two waves of 2 + 1 us.
  const std::vector<Slice> wide{{make_interval(0, 256), make_interval(0, 1280), SliceKind::full}};
  CHECK(forward_s(wide, 1, device) == Approx(5e-6 + 6e-6));
  // 8 blocks reach 0.8 of the device and stay whole: 2 + 10 us.
  CHECK(forward_s(wide, 4, device) == Approx(5e-6 + 12e-6));
}

TEST_CASE("Walks of several slices are split as those of one") {
  Device device = toy();
  device.forward.splits_keys = true;
  const auto wide = [](Token first) {
    return Slice{make_interval(first, first + 128), make_interval(0, 1280), SliceKind::full};
  };
  // 1 block of 10 tiles becomes 10 of 1 tile, a wave of 2 + 1 us; 2 blocks become 20, two waves.
  CHECK(forward_s({wide(0)}, 1, device) == Approx(5e-6 + 3e-6));
  CHECK(forward_s({wide(0), wide(128)}, 1, device) == Approx(5e-6 + 6e-6));
}

TEST_CASE("Walks that cost more in parts than they gain stay whole") {
  Device device = toy();
  device.forward.splits_keys = true;
  // 7 blocks of 2 tiles fill a wave of 4 us; 14 of 1 tile would take two of 3 us.
  CHECK(forward_s({{make_interval(0, 128), make_interval(0, 256), SliceKind::full}}, 7, device) ==
        Approx(5e-6 + 4e-6));
  for (const Token keys : {256, 512, 1024}) {
    double before = 0;
    for (int heads = 1; heads <= 30; ++heads) {
      const double seconds = forward_s(
          {{make_interval(0, 128), make_interval(0, keys), SliceKind::full}}, heads, device);
      INFO(keys << " keys, " << heads << " heads");
      CHECK(seconds >= before * (1 - 1e-12));
      before = seconds;
    }
  }
}

TEST_CASE("Long blocks that start last leave the device half idle at the end") {
  // 20 blocks of 1..20 tiles on ten multiprocessors: 250 us of work spread over ten, then half of
  // the 19 tiles between the longest and the shortest.
  Device device = toy();
  device.forward.longest_first = false;
  CHECK(forward_s({square(20 * 128, SliceKind::causal)}, 1, device) == Approx(5e-6 + 34.5e-6));
  // Equal blocks do not care.
  CHECK(forward_s({square(1280, SliceKind::full)}, 1, device) == Approx(5e-6 + 12e-6));
}

TEST_CASE("Longest first in each head leaves long blocks of several heads for the end") {
  // 8 heads of 5 blocks with 1..5 tiles on ten multiprocessors: 200 us of work spread over ten. A
  // head has a third of 1.5 waves of blocks, so 2/3 of 0.7 of the 4 tiles show at the end.
  Device device = toy();
  device.forward.by_head = true;
  CHECK(forward_s({square(5 * 128, SliceKind::causal)}, 8, device) ==
        Approx(5e-6 + 20e-6 + 0.7 * 2 / 3 * 4e-6));
  // The 20 blocks of one head, longest first, end together.
  CHECK(forward_s({square(20 * 128, SliceKind::causal)}, 1, device) == Approx(5e-6 + 25e-6));
}

TEST_CASE("Causal attention costs half of full attention and the diagonal") {
  // n tiles a side, 64 heads: full n^2, causal n (n + 1) / 2 tiles, overheads aside.
  Device device = toy();
  device.forward.block_overhead_s = 0;
  const int side = 64;
  const double full = forward_s({square(side * 128, SliceKind::full)}, 64, device) - 5e-6;
  const double causal = forward_s({square(side * 128, SliceKind::causal)}, 64, device) - 5e-6;
  CHECK(causal / full == Approx((side + 1.0) / (2.0 * side)).epsilon(1e-3));
}

TEST_CASE("Long attention reaches the asymptotic rate") {
  const Slice slice = square(1 << 17, SliceKind::full);
  const double flop = attention_flop(area(slice), 16, 128, Pass::forward);
  CHECK(flop / forward_s({slice}, 16) == Approx(toy().forward.flop_per_s).epsilon(0.005));
}

TEST_CASE("Slices of one kernel add up once they fill the device") {
  // 8 slices of 10 heads and 16 equal blocks each: 8 times 16 waves, one launch.
  const std::vector<Slice> slices = documents(8, 2048);
  const double one = forward_s({slices[0]}, 10) - 5e-6;
  CHECK(one == Approx(16 * 18e-6));
  CHECK(forward_s(slices, 10) - 5e-6 == Approx(8 * one));
}

TEST_CASE("Packed short documents cost more per pair than one long document") {
  // 64 documents of 256 tokens against one of 2,048: the same 64 * 256^2 = 2,048^2 full pairs,
  // 256 against 256 tiles, but 128 against 16 blocks a head.
  const std::vector<Slice> packed = documents(64, 256);
  const double apart = forward_s(packed, 40) - 5e-6;
  const double whole = forward_s({square(2048, SliceKind::full)}, 40) - 5e-6;
  CHECK(apart == Approx((128 * 40 * 2 + 256 * 40) / 10 * 1e-6));
  CHECK(whole == Approx((16 * 40 * 2 + 256 * 40) / 10 * 1e-6));
}

TEST_CASE("More work never takes less time") {
  for (const SliceKind kind : {SliceKind::full, SliceKind::causal}) {
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      double before = 0;
      for (Token tokens = 1; tokens < 6000; tokens += 37) {
        const double now =
            attention_seconds(std::vector{square(tokens, kind)}, 3, 128, pass, toy());
        INFO(tokens);
        CHECK(now >= before * (1 - 1e-12));
        before = now;
      }
      before = 0;
      for (int heads = 1; heads < 64; ++heads) {
        const double now =
            attention_seconds(std::vector{square(1500, kind)}, heads, 128, pass, toy());
        INFO(heads);
        CHECK(now >= before * (1 - 1e-12));
        before = now;
      }
    }
  }
}

TEST_CASE("Never faster than the arithmetic allows") {
  Device device = toy();
  device.forward.fixed_share = 0.4;
  for (const int head_dim : {64, 96, 128, 192, 256}) {
    for (const Token tokens : {100, 1000, 10000}) {
      const Slice slice = square(tokens, SliceKind::causal);
      const double flop = attention_flop(area(slice), 7, head_dim, Pass::forward);
      CHECK(forward_s({slice}, 7, device, head_dim) >= flop / device.forward.flop_per_s);
    }
  }
}

TEST_CASE("The exponentials do not shrink with head_dim") {
  // Half of a tile's time is fixed: at head_dim 64 a tile takes 0.5 + 0.25 us.
  Device device = toy();
  device.forward.fixed_share = 0.5;
  CHECK(forward_s({square(128, SliceKind::full)}, 1, device, 64) == Approx(5e-6 + 2e-6 + 0.75e-6));
  CHECK(forward_s({square(128, SliceKind::full)}, 1, device, 256) == Approx(5e-6 + 2e-6 + 2e-6));
}

TEST_CASE("Rows that a block does not have cost no overhead") {
  // 40 documents of 32 tokens, a head: four waves of 2 + 1 us; of the 2 us three quarters of half
  // go.
  Device device = toy();
  const double whole = forward_s(documents(40, 128), 1);
  CHECK(whole == Approx(5e-6 + 4 * 3e-6));
  CHECK(forward_s(documents(40, 32), 1) == Approx(whole));
  device.forward.overhead_row_share = 0.5;
  CHECK(forward_s(documents(40, 128), 1, device) == Approx(whole));
  CHECK(forward_s(documents(40, 32), 1, device) == Approx(5e-6 + 4 * (1.25e-6 + 1e-6)));
  device.forward.overhead_row_share = 1;
  CHECK(forward_s(documents(40, 1), 1, device) == Approx(5e-6 + 4 * (2e-6 / 128 + 1e-6)));
  // Backward the rows are keys.
  device.backward.overhead_row_share = 0.5;
  CHECK(attention_seconds(documents(40, 32), 1, 128, Pass::backward, device) ==
        Approx(5e-6 + 4 * (1.25e-6 + 2e-6)));
}

TEST_CASE("An empty kernel costs its launch") { CHECK(forward_s({}, 8) == Approx(5e-6)); }

TEST_CASE("A kernel fills the device up to its last wave, forward and backward") {
  // 1,280 tokens, 4 heads: 40 equal blocks of ten tiles on ten multiprocessors, four waves of
  // 2 + 10 us forward and of 2 + 20 us backward. One head has one wave: nothing before it. Half
  // the tokens have five blocks, which never fill the device.
  const std::vector<Slice> slices{square(1280, SliceKind::full)};
  const KernelTime forward = attention_time(slices, 4, 128, Pass::forward, toy());
  CHECK(forward.full_s == Approx(5e-6 + 3 * 12e-6));
  const KernelTime backward = attention_time(slices, 4, 128, Pass::backward, toy());
  CHECK(backward.seconds == Approx(5e-6 + 4 * 22e-6));
  CHECK(backward.full_s == Approx(5e-6 + 3 * 22e-6));
  CHECK(attention_time(slices, 1, 128, Pass::backward, toy()).full_s == Approx(5e-6));
  const std::vector<Slice> half{square(640, SliceKind::full)};
  CHECK(attention_time(half, 1, 128, Pass::backward, toy()).full_s == 0);
}
