#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <type_traits>

#include "kernels/elementwise/delta.hpp"
#include "kernels/elementwise/merge.hpp"
#include "kernels/elementwise/move_rows.hpp"
#include "kernels/primitive/emulation/grid.hpp"

using namespace hsap;

namespace {

using gpu::Bfloat16;
using kernels::Segment;

float number(float value) { return value; }
float number(Bfloat16 value) { return to_float(value); }
template <typename T>
T rounded(double value) {
  if constexpr (std::is_same_v<T, Bfloat16>) {
    return gpu::to_bfloat16(static_cast<float>(value));
  } else {
    return static_cast<T>(value);
  }
}

enum class Strides { rows_first, heads_first };

/// Random numbers in rows x heads x columns, with 16 bytes of room after every row and head.
template <typename T>
struct Tensor {
  static constexpr int room = 16 / static_cast<int>(sizeof(T));

  Tensor(int rows, int heads, int columns, Strides order, std::uint64_t seed) {
    const int spare = columns == 1 ? 0 : room;
    head_stride = order == Strides::rows_first ? columns : rows * (columns + spare);
    row_stride = order == Strides::rows_first ? heads * columns + spare : columns + spare;
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal;
    const auto size = static_cast<std::size_t>(rows * (heads * (columns + spare) + spare));
    for (std::size_t i = 0; i < size; ++i) values.push_back(rounded<T>(normal(random)));
  }

  kernels::Rows<T> view() { return {values.data(), row_stride, head_stride}; }
  kernels::Rows<const T> source() const { return {values.data(), row_stride, head_stride}; }
  T& at(int row, int head, int column) {
    return values[static_cast<std::size_t>(row * row_stride + head * head_stride + column)];
  }

  std::int64_t row_stride = 0;
  std::int64_t head_stride = 0;
  std::vector<T> values;
};

/// Equal everywhere, also where no row lies.
template <typename T>
bool same(const Tensor<T>& a, const Tensor<T>& b, double tolerance) {
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    const double x = number(a.values[i]);
    const double y = number(b.values[i]);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    if (!(std::abs(x - y) <= tolerance * std::max(1.0, std::abs(y)))) return false;
  }
  return true;
}

template <typename Kernel, typename Arguments>
void run(const Arguments& on, int blocks) {
  gpu::emulation::Launch launch;
  launch.blocks = blocks;
  launch.threads = kernels::line_threads;
  const Status status = gpu::emulation::run(launch, [&] { Kernel::run(on); });
  INFO((status ? "" : status.error().text()));
  REQUIRE(status);
}

kernels::RowMap map_of(const std::vector<Segment>& segments, int rows) {
  return {segments.data(), static_cast<int>(segments.size()), rows};
}

/// One rounding to the type of the result, which a sum in another order may take differently.
template <typename T>
constexpr double tolerance = std::is_same_v<T, Bfloat16> ? 0.008 : 1e-6;

template <typename From, typename To, int Columns>
void check_cast(Strides from_order, Strides to_order, bool add) {
  constexpr int rows = 37;
  constexpr int heads = 3;
  Tensor<From> from(rows, heads, Columns, from_order, 1);
  Tensor<To> to(rows, heads, Columns, to_order, 2);
  Tensor<To> expected = to;
  for (int row = 0; row < rows; ++row) {
    for (int head = 0; head < heads; ++head) {
      for (int c = 0; c < Columns; ++c) {
        To& place = expected.at(row, head, c);
        place = rounded<To>(number(from.at(row, head, c)) + (add ? number(place) : 0.0f));
      }
    }
  }
  kernels::MoveArguments<From, To> on;
  on.from = from.source();
  on.to = to.view();
  on.map.rows = rows;
  on.heads = heads;
  on.add = add;
  run<kernels::MoveRows<From, To, Columns>>(on, 2);
  CHECK(same(to, expected, 0));
}

template <typename From, typename To>
void check_casts() {
  for (const bool add : {false, true}) {
    check_cast<From, To, 64>(Strides::rows_first, Strides::heads_first, add);
    check_cast<From, To, 128>(Strides::heads_first, Strides::rows_first, add);
    check_cast<From, To, 1>(Strides::rows_first, Strides::heads_first, add);
  }
}

template <typename Part, typename Whole, int Columns>
void check_merge() {
  constexpr int rows = 19;
  constexpr int heads = 5;
  constexpr float nothing = -std::numeric_limits<float>::infinity();
  Tensor<Part> part_o(rows, heads, Columns, Strides::heads_first, 1);
  Tensor<float> part_lse(rows, heads, 1, Strides::heads_first, 2);
  // The partial rows 0 to 9 belong to rows 30, 29, ...; the others to 2, 4, ...
  const std::vector<Segment> segments = {{0, {{0, 1, 0}, {30, -1, 2}}},
                                         {10, {{10, 1, 0}, {2, 2, 2}}}};
  const auto row_of = [](int row) { return row < 10 ? 30 - row : 2 + 2 * (row - 10); };
  Tensor<Whole> o(40, heads + 2, Columns, Strides::rows_first, 3);
  Tensor<float> lse(40, heads + 2, 1, Strides::rows_first, 4);
  for (int head = 0; head < heads; ++head) {
    part_lse.at(3, head, 0) = nothing;
    lse.at(row_of(5), head + 2, 0) = nothing;
    part_lse.at(11, head, 0) = lse.at(row_of(11), head + 2, 0) = nothing;
    lse.at(row_of(12), head + 2, 0) = 200;
    part_lse.at(13, head, 0) = 200;
    for (int c = 0; c < Columns; ++c) {
      part_o.at(3, head, c) = rounded<Part>(NAN);
      o.at(row_of(5), head + 2, c) = rounded<Whole>(NAN);
    }
  }
  Tensor<Whole> expected_o = o;
  Tensor<float> expected_lse = lse;
  for (int row = 0; row < rows; ++row) {
    for (int head = 0; head < heads; ++head) {
      float& whole = expected_lse.at(row_of(row), head + 2, 0);
      const double before = whole;
      const double more = part_lse.at(row, head, 0);
      if (more == nothing) continue;
      const double top = std::max(before, more);
      const double sum = std::exp(before - top) + std::exp(more - top);
      whole = static_cast<float>(top + std::log(sum));
      for (int c = 0; c < Columns; ++c) {
        Whole& place = expected_o.at(row_of(row), head + 2, c);
        const double old = before == nothing ? 0.0 : std::exp(before - top) * number(place);
        place =
            rounded<Whole>((old + std::exp(more - top) * number(part_o.at(row, head, c))) / sum);
      }
    }
  }
  kernels::MergeArguments<Part, Whole> on;
  on.part_o = part_o.source();
  on.part_lse = part_lse.source();
  on.o = o.view();
  on.lse = lse.view();
  on.map = map_of(segments, rows);
  on.heads = heads;
  run<kernels::Merge<Part, Whole, Columns>>(on, 2);
  CHECK(same(lse, expected_lse, 1e-6));
  CHECK(same(o, expected_o, tolerance<Whole>));
}

template <typename O, typename Dout, int Columns>
void check_delta() {
  constexpr int rows = 41;
  constexpr int heads = 3;
  Tensor<O> o(rows, heads, Columns, Strides::rows_first, 1);
  Tensor<Dout> dout(rows + 9, heads, Columns, Strides::heads_first, 2);
  Tensor<float> delta(rows, heads, 1, Strides::heads_first, 3);
  Tensor<float> expected = delta;
  const std::vector<Segment> segments = {{0, {{0, 1, 0}, {9, 1, 0}, {0, 1, 0}}}};
  for (int row = 0; row < rows; ++row) {
    for (int head = 0; head < heads; ++head) {
      double sum = 0;
      for (int c = 0; c < Columns; ++c) {
        sum += double{number(o.at(row, head, c))} * number(dout.at(row + 9, head, c));
      }
      expected.at(row, head, 0) = static_cast<float>(sum);
    }
  }
  kernels::DeltaArguments<O, Dout> on;
  on.o = o.source();
  on.dout = dout.source();
  on.delta = delta.view();
  on.map = map_of(segments, rows);
  on.heads = heads;
  run<kernels::Delta<O, Dout, Columns>>(on, 3);
  CHECK(same(delta, expected, 1e-6 * std::sqrt(Columns)));
}

}  // namespace

TEST_CASE("rows are cast and added from each type to each") {
  check_casts<Bfloat16, Bfloat16>();
  check_casts<Bfloat16, float>();
  check_casts<float, Bfloat16>();
  check_casts<float, float>();
}

TEST_CASE("heads of peers are packed, unpacked and filled with zeros") {
  constexpr int rows = 19;
  constexpr int peers = 4;
  constexpr int heads = 2;  // of a peer
  const auto pack = [&](auto column_count, auto sample) {
    constexpr int columns = decltype(column_count)::value;
    using T = decltype(sample);
    Tensor<T> whole(rows, peers * heads, columns, Strides::rows_first, 1);
    // One message after the other: peer, row, head.
    Tensor<T> packed(peers * rows + 1, heads, columns, Strides::rows_first, 2);
    Tensor<T> expected = packed;
    std::vector<Segment> segments;
    for (int peer = 0; peer < peers; ++peer) {
      segments.push_back({peer * rows, {{0, 1, peer * heads}, {peer * rows, 1, 0}}});
      for (int row = 0; row < rows; ++row) {
        for (int head = 0; head < heads; ++head) {
          for (int c = 0; c < columns; ++c) {
            expected.at(peer * rows + row, head, c) = whole.at(row, peer * heads + head, c);
          }
        }
      }
    }
    segments.push_back({peers * rows, {{-1, 1, 0}, {peers * rows, 1, 0}}});
    for (int head = 0; head < heads; ++head) {
      for (int c = 0; c < columns; ++c) expected.at(peers * rows, head, c) = rounded<T>(0);
    }
    kernels::MoveArguments<T, T> on;
    on.from = whole.source();
    on.to = packed.view();
    on.map = map_of(segments, peers * rows + 1);
    on.heads = heads;
    run<kernels::MoveRows<T, T, columns>>(on, 2);
    CHECK(same(packed, expected, 0));

    // The way back, without the zeros.
    segments.pop_back();
    for (Segment& segment : segments) std::swap(segment.parts[0], segment.parts[1]);
    Tensor<T> again = whole;
    for (T& value : again.values) value = rounded<T>(0);
    on.from = packed.source();
    on.to = again.view();
    on.map = map_of(segments, peers * rows);
    run<kernels::MoveRows<T, T, columns>>(on, 1);
    for (int row = 0; row < rows; ++row) {
      for (int head = 0; head < peers * heads; ++head) {
        for (int c = 0; c < columns; ++c) {
          REQUIRE(number(again.at(row, head, c)) == number(whole.at(row, head, c)));
        }
      }
    }
  };
  pack(std::integral_constant<int, 128>{}, Bfloat16{});
  pack(std::integral_constant<int, 64>{}, Bfloat16{});
  pack(std::integral_constant<int, 1>{}, 0.0f);
}

TEST_CASE("partial results are merged, also where a side has seen nothing") {
  check_merge<Bfloat16, Bfloat16, 128>();
  check_merge<float, Bfloat16, 64>();
  check_merge<Bfloat16, float, 64>();
  check_merge<float, float, 128>();
}

TEST_CASE("delta is the row sum of o times do") {
  check_delta<Bfloat16, Bfloat16, 128>();
  check_delta<Bfloat16, Bfloat16, 64>();
  check_delta<float, Bfloat16, 128>();
  check_delta<float, float, 64>();
}

TEST_CASE("rows off 16 bytes are reported") {
  Tensor<Bfloat16> from(2, 1, 64, Strides::rows_first, 1);
  Tensor<Bfloat16> to = from;
  kernels::MoveArguments<Bfloat16, Bfloat16> on;
  on.from = from.source();
  on.from.data += 1;
  on.to = to.view();
  on.map.rows = 1;
  on.heads = 1;
  gpu::emulation::Launch launch;
  launch.threads = kernels::line_threads;
  const Status status =
      gpu::emulation::run(launch, [&] { kernels::MoveRows<Bfloat16, Bfloat16, 64>::run(on); });
  REQUIRE_FALSE(status);
  CHECK(status.error().text().find("misaligned") != std::string::npos);
}
