#include <algorithm>
#include <cmath>
#include <limits>

#include "device/selftest.hpp"

using namespace hsap;
using kernels::Segment;

namespace test {
namespace {

constexpr int row_heads = 6;
constexpr int all_heads = row_heads + 2;  ///< of the larger tensor, which is used from head 2 on
constexpr Dtype dtypes[] = {Dtype::bf16, Dtype::fp32};

const char* name_of(Dtype dtype) { return dtype == Dtype::bf16 ? "bf16" : "fp32"; }

std::size_t place(int row, int head, int head_count, int columns) {
  return (static_cast<std::size_t>(row) * head_count + head) * columns;
}

/// Row i of the small tensor is row target(i) of the large one.
int target(int rows, int row) { return row < rows / 3 ? 2 * rows - 1 - 2 * row : row - rows / 3; }

std::vector<Segment> segments(int rows) {
  const int first = rows / 3;
  return {{0, {{0, 1, 0}, {2 * rows - 1, -2, 2}}}, {first, {{first, 1, 0}, {0, 1, 2}}}};
}

double difference(const std::vector<float>& got, const std::vector<float>& expected) {
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double x = got[i];
    const double y = expected[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double off = std::abs(x - y) / std::max(1.0, std::abs(y));
    worst = std::isnan(off) ? std::numeric_limits<double>::infinity() : std::max(worst, off);
  }
  return worst;
}

void finish(Outcome outcome, const Status& status, std::vector<const DeviceTensor*> written,
            Outcomes& outcomes) {
  if (!status) outcome.report = status.error().text();
  for (const DeviceTensor* tensor : written) {
    if (!tensor->intact()) outcome.report = "writes between rows";
  }
  outcomes.push_back(std::move(outcome));
}

void check_move(Dtype from_type, Dtype to_type, int columns, bool add, int rows,
                std::mt19937_64& random, Outcomes& outcomes) {
  DeviceTensor from(rows, row_heads, columns, from_type);
  DeviceTensor to(2 * rows, all_heads, columns, to_type);
  const auto numbers = random_numbers(from.size(), from_type, random);
  from.fill(numbers);
  auto expected = random_numbers(to.size(), to_type, random);
  to.fill(expected);
  std::vector<Segment> list = segments(rows);
  list.push_back({rows, {{-1, 1, 0}, {rows, 1, 2}}});  // zeros, which an add leaves alone
  constexpr int zeros = 7;
  for (int row = 0; row < rows + zeros; ++row) {
    const int at = row < rows ? target(rows, row) : row;
    for (int i = 0; i < row_heads * columns; ++i) {
      const std::size_t number = place(row, 0, row_heads, columns) + static_cast<std::size_t>(i);
      float& whole = expected[place(at, 2, all_heads, columns) + static_cast<std::size_t>(i)];
      whole = rounded((row < rows ? numbers[number] : 0.0f) + (add ? whole : 0.0f), to_type);
    }
  }
  const auto map = kernels::DeviceMemory::of(list);
  const Status status = kernels::move_rows(
      from.view(), to.view(),
      {static_cast<const Segment*>(map.data()), static_cast<int>(list.size()), rows + zeros},
      row_heads, add, {});
  Outcome outcome;
  outcome.name = std::string(add ? "add " : "copy ") + name_of(from_type) + " to " +
                 name_of(to_type) + ", " + std::to_string(columns) + " columns";
  outcome.difference = difference(to.read(), expected);
  finish(outcome, status, {&to}, outcomes);
}

void check_merge(Dtype part_type, Dtype type, int columns, int rows, std::mt19937_64& random,
                 Outcomes& outcomes) {
  constexpr float nothing = -std::numeric_limits<float>::infinity();
  DeviceTensor part_o(rows, row_heads, columns, part_type);
  DeviceTensor part_lse(rows, row_heads, 1, Dtype::fp32);
  DeviceTensor o(2 * rows, all_heads, columns, type);
  DeviceTensor lse(2 * rows, all_heads, 1, Dtype::fp32);
  const auto part = random_numbers(part_o.size(), part_type, random);
  auto part_sums = random_numbers(part_lse.size(), Dtype::fp32, random);
  auto expected = random_numbers(o.size(), type, random);
  auto sums = random_numbers(lse.size(), Dtype::fp32, random);
  for (std::size_t i = 0; i < part_sums.size(); i += 7) part_sums[i] = nothing;
  for (std::size_t i = 0; i < sums.size(); i += 5) sums[i] = nothing;
  part_o.fill(part);
  part_lse.fill(part_sums);
  o.fill(expected);
  lse.fill(sums);
  for (int row = 0; row < rows; ++row) {
    for (int head = 0; head < row_heads; ++head) {
      const double more = part_sums[place(row, head, row_heads, 1)];
      float& whole = sums[place(target(rows, row), head + 2, all_heads, 1)];
      if (more == nothing) continue;
      const double top = std::max<double>(whole, more);
      const double keep = std::exp(whole - top);
      const double take = std::exp(more - top);
      whole = static_cast<float>(top + std::log(keep + take));
      for (int c = 0; c < columns; ++c) {
        float& number = expected[place(target(rows, row), head + 2, all_heads, columns) + c];
        const float other = part[place(row, head, row_heads, columns) + c];
        number = rounded((keep * number + take * other) / (keep + take), type);
      }
    }
  }
  const auto map = kernels::DeviceMemory::of(segments(rows));
  const Status status =
      kernels::merge(part_o.view(), part_lse.view(), o.view(), lse.view(),
                     {static_cast<const Segment*>(map.data()), 2, rows}, row_heads, {});
  Outcome outcome;
  outcome.name = std::string("merge ") + name_of(part_type) + " into " + name_of(type) + ", " +
                 std::to_string(columns) + " columns";
  // One unit of bf16 where a sum lies between two numbers.
  outcome.tolerance = type == Dtype::bf16 ? 0.008 : 2e-6;
  outcome.difference = std::max(difference(o.read(), expected), difference(lse.read(), sums));
  finish(outcome, status, {&o, &lse}, outcomes);
}

void check_delta(Dtype o_type, Dtype dout_type, int columns, int rows, std::mt19937_64& random,
                 Outcomes& outcomes) {
  DeviceTensor o(rows, row_heads, columns, o_type);
  DeviceTensor dout(rows, row_heads, columns, dout_type);
  DeviceTensor delta(rows, row_heads, 1, Dtype::fp32);
  const auto a = random_numbers(o.size(), o_type, random);
  const auto b = random_numbers(dout.size(), dout_type, random);
  o.fill(a);
  dout.fill(b);
  std::vector<float> expected;
  for (std::size_t line = 0; line < delta.size(); ++line) {
    double sum = 0;
    for (std::size_t c = 0; c < static_cast<std::size_t>(columns); ++c) {
      const std::size_t at = line * static_cast<std::size_t>(columns) + c;
      sum += double{a[at]} * b[at];
    }
    expected.push_back(static_cast<float>(sum));
  }
  const Status status =
      kernels::delta(o.view(), dout.view(), delta.view(), {nullptr, 0, rows}, row_heads, {});
  Outcome outcome;
  outcome.name = std::string("delta of ") + name_of(o_type) + " and " + name_of(dout_type) + ", " +
                 std::to_string(columns) + " columns";
  outcome.tolerance = 1e-5;
  outcome.difference = difference(delta.read(), expected);
  finish(outcome, status, {&delta}, outcomes);
}

void check_rows(std::uint64_t seed, int rows, Outcomes& outcomes) {
  std::mt19937_64 random(seed);
  for (const Dtype a : dtypes) {
    for (const Dtype b : dtypes) {
      for (const int columns : {1, 64, 128}) {
        check_move(a, b, columns, false, rows, random, outcomes);
        check_move(a, b, columns, true, rows, random, outcomes);
        if (columns == 1) continue;
        check_merge(a, b, columns, rows, random, outcomes);
        check_delta(a, b, columns, rows, random, outcomes);
      }
    }
  }
}

}  // namespace

Parts row_parts(std::uint64_t seed, int rows) {
  return {{"rows", [seed, rows](Outcomes& outcomes) { check_rows(seed, rows, outcomes); }}};
}

}  // namespace test
