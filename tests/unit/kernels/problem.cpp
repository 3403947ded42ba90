#include "unit/kernels/problem.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>

using namespace hsap;

namespace test {

namespace {

/// Numbers between two rows; rows stay aligned to 16 bytes.
constexpr int gap = 8;

gpu::Bfloat16 to(double value, gpu::Bfloat16 /*type*/) {
  return gpu::to_bfloat16(static_cast<float>(value));
}
float to(double value, float /*type*/) { return static_cast<float>(value); }

double from(gpu::Bfloat16 value) { return to_float(value); }
double from(float value) { return value; }

template <typename T>
T canary() {
  if constexpr (std::is_same_v<T, float>) {
    return std::bit_cast<float>(0x7fc0beef);
  } else {
    return {0x7fef};
  }
}

}  // namespace

template <typename T>
Tensor<T>::Tensor(int rows_, int heads_, int columns_)
    : rows(rows_),
      heads(heads_),
      columns(columns_),
      values(static_cast<std::size_t>(rows + 2) * row_stride(), canary<T>()) {
  set(std::numeric_limits<double>::quiet_NaN());
}

template <typename T>
std::size_t Tensor<T>::row_stride() const {
  return static_cast<std::size_t>(heads * columns + gap);
}

template <typename T>
std::size_t Tensor<T>::place(int row, int head, int column) const {
  return static_cast<std::size_t>(row + 1) * row_stride() +
         static_cast<std::size_t>(head * columns + column);
}

template <typename T>
void Tensor<T>::fill(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  for (int row = 0; row < rows; ++row) {
    for (int i = 0; i < heads * columns; ++i) values[place(row, 0, i)] = to(normal(random), T{});
  }
}

template <typename T>
void Tensor<T>::set(double value) {
  for (int row = 0; row < rows; ++row) {
    std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(place(row, 0, 0)), heads * columns,
                to(value, T{}));
  }
}

template <typename T>
void Tensor<T>::set_column(int column, double value) {
  for (int row = 0; row < rows; ++row) {
    for (int head = 0; head < heads; ++head) values[place(row, head, column)] = to(value, T{});
  }
}

template <typename T>
double Tensor<T>::at(int row, int head, int column) const {
  return from(values[place(row, head, column)]);
}

template <typename T>
kernels::Rows<T> Tensor<T>::view() {
  return {values.data() + place(0, 0, 0), static_cast<std::int64_t>(row_stride()), columns};
}

template <typename T>
kernels::Rows<const T> Tensor<T>::read() {
  const kernels::Rows<T> rows_here = view();
  return {rows_here.data, rows_here.row_stride, rows_here.head_stride};
}

template <typename T>
gpu::TensorMap Tensor<T>::map(int box_rows) {
  gpu::TensorShape shape;
  shape.data = view().data;
  shape.element_bytes = sizeof(T);
  shape.columns = columns;
  shape.heads = heads;
  shape.rows = rows;
  shape.head_stride_bytes = static_cast<std::int64_t>(columns * sizeof(T));
  shape.row_stride_bytes = static_cast<std::int64_t>(row_stride() * sizeof(T));
  shape.box_columns = static_cast<int>(128 / sizeof(T));
  shape.box_rows = box_rows;
  return make_tensor_map(shape).value();
}

template <typename T>
std::vector<float> Tensor<T>::numbers() const {
  std::vector<float> numbers;
  for (int row = 0; row < rows; ++row) {
    for (int i = 0; i < heads * columns; ++i) {
      numbers.push_back(static_cast<float>(at(row, 0, i)));
    }
  }
  return numbers;
}

template <typename T>
bool Tensor<T>::intact() const {
  const T expected = canary<T>();
  const auto alive = [&](std::size_t i) {
    return std::memcmp(&values[i], &expected, sizeof expected) == 0;
  };
  std::size_t i = 0;
  for (int row = 0; row < rows; ++row) {
    for (; i < place(row, 0, 0); ++i) {
      if (!alive(i)) return false;
    }
    i += static_cast<std::size_t>(heads * columns);
  }
  for (; i < values.size(); ++i) {
    if (!alive(i)) return false;
  }
  return true;
}

template struct Tensor<float>;
template struct Tensor<gpu::Bfloat16>;

kernels::Work Problem::work(const kernels::TileList& list, int* next) const {
  kernels::Work work;
  work.tiles = {list.tiles.data(), list.runs.data(), list.bands.data(),
                static_cast<int>(list.tiles.size())};
  work.query_rows = queries;
  work.key_rows = keys;
  work.heads = heads;
  work.key_heads = key_heads;
  work.heads_per_key_head = heads_per_key_head;
  work.head_offset = head_offset;
  work.scale = static_cast<float>(1 / std::sqrt(head_dim));
  work.next = next;
  return work;
}

Problem documents(const std::vector<int>& lengths, int heads, int key_heads, int head_dim) {
  Problem problem;
  problem.heads = heads;
  problem.key_heads = key_heads;
  problem.heads_per_key_head = heads / key_heads;
  problem.head_dim = head_dim;
  int begin = 0;
  for (const int length : lengths) {
    const Interval tokens{begin, begin + length, 1};
    if (length > 0) problem.slices.push_back({tokens, tokens, SliceKind::causal});
    begin += length;
  }
  problem.queries = problem.keys = begin;
  return problem;
}

Problem one_slice(const Interval& query, const Interval& key, SliceKind kind) {
  Problem problem;
  problem.queries = static_cast<int>(query.end) + 5;
  problem.keys = static_cast<int>(key.end) + 2;
  problem.slices = {{query, key, kind}};
  return problem;
}

Problem random_slices(int queries, int keys, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto cut = [&](int rows) {
    std::vector<Interval> intervals;
    for (int begin = 0; begin < rows;) {
      const int end = std::min<int>(rows, begin + 1 + static_cast<int>(random() % 100));
      intervals.push_back({begin, end, 1});
      begin = end;
    }
    return intervals;
  };
  Problem problem;
  problem.queries = queries;
  problem.keys = keys;
  const std::vector<Interval> columns = cut(keys);
  for (const Interval& rows : cut(queries)) {
    if (random() % 5 == 0) continue;  // these see nothing
    for (const Interval& seen : columns) {
      if (random() % 3 == 0) continue;
      problem.slices.push_back({rows, seen, static_cast<SliceKind>(random() % 4)});
    }
  }
  return problem;
}

namespace {

Answer zeros(int rows, int heads, int columns, double value = 0) {
  return {std::vector<double>(static_cast<std::size_t>(rows) * heads * columns, value), heads,
          columns};
}

double score(const Problem& problem, const Operand& q, const Operand& k, int row, int head,
             int key) {
  double sum = 0;
  const int key_head = problem.key_head(head);
  for (int c = 0; c < problem.head_dim; ++c) sum += q.at(row, head, c) * k.at(key, key_head, c);
  return sum / std::sqrt(problem.head_dim);
}

/// Calls use(row, key) for every pair that the slices let through.
template <typename Use>
void for_each_pair(const Problem& problem, Use use) {
  for (const Slice& slice : problem.slices) {
    for (int row = slice.query.begin; row < slice.query.end; ++row) {
      for (int key = slice.key.begin; key < slice.key.end; ++key) {
        if (attends(slice, row, key)) use(row, key);
      }
    }
  }
}

}  // namespace

ForwardAnswer forward(const Problem& problem, const Operand& q, const Operand& k,
                      const Operand& v) {
  ForwardAnswer answer{zeros(problem.queries, problem.heads, problem.head_dim),
                       zeros(problem.queries, problem.heads, 1, 0)};
  for (int head = 0; head < problem.heads; ++head) {
    const int key_head = problem.key_head(head);
    // Scores of random inputs are small, so that sums of exponentials need no largest one.
    for_each_pair(problem, [&](int row, int key) {
      const double weight = std::exp(score(problem, q, k, row, head, key));
      answer.lse.at(row, head, 0) += weight;
      for (int c = 0; c < problem.head_dim; ++c) {
        answer.o.at(row, head, c) += weight * v.at(key, key_head, c);
      }
    });
    for (int row = 0; row < problem.queries; ++row) {
      double& sum = answer.lse.at(row, head, 0);
      for (int c = 0; c < problem.head_dim && sum > 0; ++c) answer.o.at(row, head, c) /= sum;
      sum = std::log(sum);
    }
  }
  return answer;
}

BackwardAnswer backward(const Problem& problem, const Operand& q, const Operand& k,
                        const Operand& v, const Operand& dout, const Answer& lse,
                        const Answer& delta) {
  BackwardAnswer answer{zeros(problem.queries, problem.heads, problem.head_dim),
                        zeros(problem.keys, problem.key_heads, problem.head_dim),
                        zeros(problem.keys, problem.key_heads, problem.head_dim)};
  const double scale = 1 / std::sqrt(problem.head_dim);
  for (int head = 0; head < problem.heads; ++head) {
    const int key_head = problem.key_head(head);
    for_each_pair(problem, [&](int row, int key) {
      if (std::isinf(lse.at(row, head, 0))) return;  // says that the query counts nothing
      const double weight = std::exp(score(problem, q, k, row, head, key) - lse.at(row, head, 0));
      double dp = 0;
      for (int c = 0; c < problem.head_dim; ++c) {
        dp += dout.at(row, head, c) * v.at(key, key_head, c);
        answer.dv.at(key, key_head, c) += weight * dout.at(row, head, c);
      }
      const double ds = weight * (dp - delta.at(row, head, 0)) * scale;
      for (int c = 0; c < problem.head_dim; ++c) {
        answer.dq.at(row, head, c) += ds * k.at(key, key_head, c);
        answer.dk.at(key, key_head, c) += ds * q.at(row, head, c);
      }
    });
  }
  return answer;
}

Answer delta(const Answer& o, const Operand& dout) {
  Answer answer = zeros(dout.rows, dout.heads, 1);
  for (int row = 0; row < dout.rows; ++row) {
    for (int head = 0; head < dout.heads; ++head) {
      for (int c = 0; c < dout.columns; ++c) {
        answer.at(row, head, 0) += o.at(row, head, c) * dout.at(row, head, c);
      }
    }
  }
  return answer;
}

double relative_error(const std::vector<float>& got, const std::vector<double>& expected) {
  double difference = 0;
  double norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (std::isinf(expected[i]) && expected[i] == static_cast<double>(got[i])) continue;
    if (!std::isfinite(got[i])) return std::numeric_limits<double>::infinity();
    difference += (got[i] - expected[i]) * (got[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  return std::sqrt(difference / (norm > 0 ? norm : 1));
}

}  // namespace test
