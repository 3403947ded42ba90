#include "unit/kernels/problem.hpp"

#include <cmath>
#include <limits>
#include <random>

using namespace hsap;

namespace test {

Operand::Operand(int rows_, int heads_, int head_dim_)
    : rows(rows_),
      heads(heads_),
      head_dim(head_dim_),
      values(static_cast<std::size_t>(rows_) * heads_ * head_dim_) {}

void Operand::fill(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  for (gpu::Bfloat16& value : values) value = gpu::to_bfloat16(normal(random));
}

double Operand::at(int row, int head, int column) const {
  return to_float(values[(static_cast<std::size_t>(row) * heads + head) * head_dim + column]);
}

gpu::TensorMap Operand::map(int box_rows) {
  gpu::TensorShape shape;
  shape.data = values.data();
  shape.columns = head_dim;
  shape.heads = heads;
  shape.rows = rows;
  shape.head_stride_bytes = head_dim * 2;
  shape.row_stride_bytes = heads * head_dim * 2;
  shape.box_columns = 64;
  shape.box_rows = box_rows;
  return make_tensor_map(shape).value();
}

kernels::Rows<gpu::Bfloat16> Operand::view() { return {values.data(), heads * head_dim, head_dim}; }

kernels::Work Problem::work(const kernels::TileList& list, int* next) const {
  kernels::Work work;
  work.tiles = {list.tiles.data(), list.runs.data(), list.bands.data(),
                static_cast<int>(list.tiles.size())};
  work.query_rows = queries;
  work.key_rows = keys;
  work.heads = heads;
  work.key_heads = key_heads;
  work.heads_per_key_head = heads / key_heads;
  work.scale = static_cast<float>(1 / std::sqrt(head_dim));
  work.next = next;
  return work;
}

Problem documents(const std::vector<int>& lengths, int heads, int key_heads, int head_dim) {
  Problem problem;
  problem.heads = heads;
  problem.key_heads = key_heads;
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

namespace {

Answer zeros(int rows, int heads, int columns, double value = 0) {
  return {std::vector<double>(static_cast<std::size_t>(rows) * heads * columns, value), heads,
          columns};
}

double score(const Problem& problem, const Operand& q, const Operand& k, int row, int head,
             int key) {
  double sum = 0;
  const int key_head = head * problem.key_heads / problem.heads;
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
    const int key_head = head * problem.key_heads / problem.heads;
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
    const int key_head = head * problem.key_heads / problem.heads;
    for_each_pair(problem, [&](int row, int key) {
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
      for (int c = 0; c < dout.head_dim; ++c) {
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
