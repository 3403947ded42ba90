#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <functional>
#include <numeric>
#include <thread>
#include <vector>

#include "hsap/execute.hpp"
#include "validate/reference/widest.hpp"

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

/// The rows of one head, [tokens, width] with `step` numbers between rows.
struct Head {
  const double* data = nullptr;
  std::size_t step = 0;

  Head(const Tensor& tensor, int head)
      : data(tensor.row(0, head).data()),
        step(static_cast<std::size_t>(tensor.heads) * static_cast<std::size_t>(tensor.width)) {}
  [[nodiscard]] const double* row(Token token) const {
    return data + static_cast<std::size_t>(token) * step;
  }
};

/// out[key] = a . rows[key], in eight partial sums that fit vector registers.
HSAP_WIDEST void dot_all(const double* a, const Head& rows, const Span& keys, std::size_t width,
                         double* out) {
  constexpr std::size_t lanes = 8;
  for (Token key = keys.begin; key < keys.end; ++key) {
    const double* b = rows.row(key);
    std::array<double, lanes> part{};
    std::size_t d = 0;
    for (; d + lanes <= width; d += lanes) {
      for (std::size_t i = 0; i < lanes; ++i) part[i] += a[d + i] * b[d + i];
    }
    double sum = 0;
    for (; d < width; ++d) sum += a[d] * b[d];
    for (const double each : part) sum += each;
    out[key - keys.begin] = sum;
  }
}

/// to += sum over keys of factors[key] rows[key].
HSAP_WIDEST void add_all(double* to, const double* factors, const Head& rows, const Span& keys,
                         std::size_t width) {
  for (Token key = keys.begin; key < keys.end; ++key) {
    const double* b = rows.row(key);
    const double factor = factors[key - keys.begin];
    for (std::size_t d = 0; d < width; ++d) to[d] += factor * b[d];
  }
}

/// rows[key] += factors[key] a.
HSAP_WIDEST void spread(double* rows, std::size_t step, const double* factors, const double* a,
                        const Span& keys, std::size_t width) {
  for (Token key = keys.begin; key < keys.end; ++key) {
    double* to = rows + static_cast<std::size_t>(key) * step;
    const double factor = factors[key - keys.begin];
    for (std::size_t d = 0; d < width; ++d) to[d] += factor * a[d];
  }
}

std::size_t length(const Span& span) { return static_cast<std::size_t>(span.end - span.begin); }

/// For the keys of one query: their weights, and the gradients of their scores.
struct Slopes {
  std::vector<double> p;
  std::vector<double> ds;
};

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
      Slopes work;
      for (int head = key_head * readers; head < (key_head + 1) * readers; ++head) {
        for (Token query = 0; query < tokens; ++query) backward(query, head, key_head, work);
      }
    });
  }

 private:
  [[nodiscard]] int key_head(int head) const { return head * heads_.key_value / heads_.query; }

  void forward(Token query, int head, std::vector<double>& scores) {
    const auto width = static_cast<std::size_t>(heads_.dim);
    const Seen& seen = seen_[static_cast<std::size_t>(query)];
    const double* q = tensors_[Role::q].row(query, head).data();
    const std::size_t first = length(seen.first);
    scores.resize(first + length(seen.second));
    const Head keys(tensors_[Role::k], key_head(head));
    dot_all(q, keys, seen.first, width, scores.data());
    dot_all(q, keys, seen.second, width, scores.data() + first);
    const double top = *std::max_element(scores.begin(), scores.end()) * scale_;
    double sum = 0;
    for (double& score : scores) sum += score = std::exp(score * scale_ - top);
    for (double& score : scores) score /= sum;
    double* o = tensors_[Role::o].row(query, head).data();
    const Head values(tensors_[Role::v], key_head(head));
    add_all(o, scores.data(), values, seen.first, width);
    add_all(o, scores.data() + first, values, seen.second, width);
    tensors_[Role::lse].row(query, head)[0] = top + std::log(sum);
  }

  void backward(Token query, int head, int key_head, Slopes& work) {
    const Seen& seen = seen_[static_cast<std::size_t>(query)];
    const auto dout = tensors_[Role::dout].row(query, head);
    const auto o = tensors_[Role::o].row(query, head);
    const double delta = std::inner_product(o.begin(), o.end(), dout.begin(), 0.0);
    tensors_[Role::delta].row(query, head)[0] = delta;
    for (const Span& span : {seen.first, seen.second}) {
      backward(query, head, key_head, span, delta, work);
    }
  }

  void backward(Token query, int head, int key_head, const Span& keys, double delta, Slopes& work) {
    const auto width = static_cast<std::size_t>(heads_.dim);
    const auto step = static_cast<std::size_t>(heads_.key_value) * width;
    const double* q = tensors_[Role::q].row(query, head).data();
    const double* dout = tensors_[Role::dout].row(query, head).data();
    const double lse = tensors_[Role::lse].row(query, head)[0];
    const Head k(tensors_[Role::k], key_head);
    work.p.resize(length(keys));
    work.ds.resize(length(keys));
    dot_all(q, k, keys, width, work.p.data());
    dot_all(dout, Head(tensors_[Role::v], key_head), keys, width, work.ds.data());
    for (std::size_t i = 0; i < work.p.size(); ++i) {
      work.p[i] = std::exp(scale_ * work.p[i] - lse);
      work.ds[i] = scale_ * work.p[i] * (work.ds[i] - delta);
    }
    add_all(tensors_[Role::dq].row(query, head).data(), work.ds.data(), k, keys, width);
    spread(tensors_[Role::dk].row(0, key_head).data(), step, work.ds.data(), q, keys, width);
    spread(tensors_[Role::dv].row(0, key_head).data(), step, work.p.data(), dout, keys, width);
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
