#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <functional>
#include <thread>
#include <vector>

#include "hsap/execute.hpp"

namespace hsap {
namespace {

/// Keys [begin, end).
struct Span {
  Token begin = 0;
  Token end = 0;
};

/// The keys that one query sees, from the rule of the mask and the document around it: at most two
/// spans, the second empty where one says it all.
struct Seen {
  Span first;
  Span second;
};

Seen seen_in_answers(const Mask& mask, Token length, Token at) {
  if (at < mask.prefix || length <= mask.prefix) return {{0, at + 1}, {}};
  const Token each = std::max<Token>(1, (length - mask.prefix) / mask.answers);
  const Token answer = std::min((at - mask.prefix) / each, mask.answers - 1);
  return {{0, mask.prefix}, {mask.prefix + answer * each, at + 1}};
}

/// `at` and the answer are positions inside the document.
Seen seen_by(const Mask& mask, Token length, Token at) {
  switch (mask.kind) {
    case Mask::Kind::causal:
      return {{0, at + 1}, {}};
    case Mask::Kind::full:
      return {{0, length}, {}};
    case Mask::Kind::sliding:
      return {{std::max(0, at - mask.window + 1), at + 1}, {}};
    case Mask::Kind::prefix:
      return {{0, std::max(at + 1, std::min(mask.prefix, length))}, {}};
    case Mask::Kind::shared_question:
      break;
  }
  return seen_in_answers(mask, length, at);
}

/// Runs body(i) for i in [0, count) on every core. Each i writes places of its own, so the result
/// does not depend on how many there are.
void for_each(int count, const std::function<void(int)>& body) {
  std::atomic<int> next{0};
  const auto work = [&] {
    for (int i = next++; i < count; i = next++) body(i);
  };
  std::vector<std::thread> threads;
  for (unsigned t = 1; t < std::max(1U, std::thread::hardware_concurrency()); ++t) {
    threads.emplace_back(work);
  }
  work();
  for (std::thread& thread : threads) thread.join();
}

/// In eight partial sums, which a compiler can keep in vector registers.
double dot(std::span<const double> a, std::span<const double> b) {
  constexpr std::size_t lanes = 8;
  std::array<double, lanes> part{};
  std::size_t d = 0;
  for (; d + lanes <= a.size(); d += lanes) {
    for (std::size_t i = 0; i < lanes; ++i) part[i] += a[d + i] * b[d + i];
  }
  double sum = 0;
  for (; d < a.size(); ++d) sum += a[d] * b[d];
  for (const double each : part) sum += each;
  return sum;
}

void add(std::span<double> to, double factor, std::span<const double> from) {
  for (std::size_t d = 0; d < to.size(); ++d) to[d] += factor * from[d];
}

class Reference {
 public:
  Reference(const Problem& problem, Tensors& tensors)
      : heads_(problem.heads), scale_(1 / std::sqrt(problem.heads.dim)), tensors_(tensors) {
    Token begin = 0;
    for (const Token length : problem.batch.lengths) {
      for (Token at = 0; at < length; ++at) {
        Seen seen = seen_by(problem.mask, length, at);
        for (Span* span : {&seen.first, &seen.second}) {
          span->begin += begin;
          span->end += begin;
        }
        seen_.push_back(seen);
      }
      begin += length;
    }
  }

  void forward() {
    const auto tokens = static_cast<Token>(seen_.size());
    tensors_[Role::o] = Tensor(tokens, heads_.query, heads_.dim);
    tensors_[Role::lse] = Tensor(tokens, heads_.query, 1);
    for_each(heads_.query, [&](int head) {
      std::vector<double> scores;
      for (Token query = 0; query < tokens; ++query) forward(query, head, scores);
    });
  }

  void backward() {
    const auto tokens = static_cast<Token>(seen_.size());
    tensors_[Role::delta] = Tensor(tokens, heads_.query, 1);
    tensors_[Role::dq] = Tensor(tokens, heads_.query, heads_.dim);
    for (const Role role : {Role::dk, Role::dv}) {
      tensors_[role] = Tensor(tokens, heads_.key_value, heads_.dim);
    }
    const int readers = heads_.query / heads_.key_value;
    for_each(heads_.key_value, [&](int key_head) {
      for (int head = key_head * readers; head < (key_head + 1) * readers; ++head) {
        for (Token query = 0; query < tokens; ++query) backward(query, head, key_head);
      }
    });
  }

 private:
  [[nodiscard]] int key_head(int head) const { return head * heads_.key_value / heads_.query; }

  template <typename Body>
  void for_keys(Token query, Body body) const {
    const Seen& seen = seen_[static_cast<std::size_t>(query)];
    for (const Span& span : {seen.first, seen.second}) {
      for (Token key = span.begin; key < span.end; ++key) body(key);
    }
  }

  void forward(Token query, int head, std::vector<double>& scores) {
    const auto q = tensors_[Role::q].row(query, head);
    scores.clear();
    for_keys(query, [&](Token key) {
      scores.push_back(scale_ * dot(q, tensors_[Role::k].row(key, key_head(head))));
    });
    const double top = *std::max_element(scores.begin(), scores.end());
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score - top);
    const auto o = tensors_[Role::o].row(query, head);
    std::size_t at = 0;
    for_keys(query, [&](Token key) {
      add(o, scores[at++] / sum, tensors_[Role::v].row(key, key_head(head)));
    });
    tensors_[Role::lse].row(query, head)[0] = top + std::log(sum);
  }

  void backward(Token query, int head, int key_head) {
    const auto q = tensors_[Role::q].row(query, head);
    const auto dout = tensors_[Role::dout].row(query, head);
    const double lse = tensors_[Role::lse].row(query, head)[0];
    const double delta = dot(dout, tensors_[Role::o].row(query, head));
    tensors_[Role::delta].row(query, head)[0] = delta;
    for_keys(query, [&](Token key) {
      const auto k = tensors_[Role::k].row(key, key_head);
      const double p = std::exp(scale_ * dot(q, k) - lse);
      const double ds = scale_ * p * (dot(dout, tensors_[Role::v].row(key, key_head)) - delta);
      add(tensors_[Role::dq].row(query, head), ds, k);
      add(tensors_[Role::dk].row(key, key_head), ds, q);
      add(tensors_[Role::dv].row(key, key_head), p, dout);
    });
  }

  Heads heads_;
  double scale_;
  Tensors& tensors_;
  std::vector<Seen> seen_;  ///< by query
};

}  // namespace

void reference_attention(const Problem& problem, Tensors& tensors) {
  Reference reference(problem, tensors);
  reference.forward();
  if (!tensors[Role::dout].empty()) reference.backward();
}

}  // namespace hsap
