#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "hsap/mask.hpp"
#include "hsap/schedule.hpp"
#include "hsap/strategy.hpp"

namespace hsap::support {

/// Repeatable numbers in [-1, 1) for the inputs of attention.
inline double input_value(Role role, Token token, int head, int d) {
  std::uint64_t x = (static_cast<std::uint64_t>(role) << 48) ^
                    (static_cast<std::uint64_t>(token) << 20) ^
                    (static_cast<std::uint64_t>(head) << 10) ^ static_cast<std::uint64_t>(d);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return static_cast<double>((x ^ (x >> 31)) >> 12) / static_cast<double>(1ULL << 51) - 1;
}

/// Attention and its gradients by their definitions, in float64 and one pair at a time: the truth
/// that schedules are held against.
class Dense {
 public:
  explicit Dense(const Problem& problem)
      : heads_(problem.heads),
        tokens_(problem.batch.tokens()),
        slices_(lower(problem.mask, problem.batch)) {
    for (const Role role : {Role::o, Role::lse, Role::dq, Role::dk, Role::dv, Role::delta}) {
      values_[index(role)].assign(
          static_cast<std::size_t>(tokens_) * heads(role) * static_cast<std::size_t>(width(role)),
          0);
    }
    for (int head = 0; head < heads_.query; ++head) {
      for (Token q = 0; q < tokens_; ++q) forward(q, head);
      for (Token q = 0; q < tokens_; ++q) backward(q, head);
    }
  }

  [[nodiscard]] double value(Role role, Token token, int head, int d) const {
    const bool input = role <= Role::v || role == Role::dout;
    return input ? input_value(role, token, head, d)
                 : values_[index(role)][place(role, token, head, d)];
  }

 private:
  static std::size_t index(Role role) { return static_cast<std::size_t>(role); }
  [[nodiscard]] std::size_t heads(Role role) const {
    return static_cast<std::size_t>(role == Role::dk || role == Role::dv ? heads_.key_value
                                                                         : heads_.query);
  }
  [[nodiscard]] int width(Role role) const {
    return role == Role::lse || role == Role::delta ? 1 : heads_.dim;
  }
  [[nodiscard]] std::size_t place(Role role, Token token, int head, int d) const {
    const std::size_t row =
        static_cast<std::size_t>(token) * heads(role) + static_cast<std::size_t>(head);
    return row * static_cast<std::size_t>(width(role)) + static_cast<std::size_t>(d);
  }
  double& at(Role role, Token token, int head, int d) {
    return values_[index(role)][place(role, token, head, d)];
  }
  [[nodiscard]] bool seen(Token q, Token k) const {
    for (const Slice& slice : slices_) {
      if (attends(slice, q, k)) return true;
    }
    return false;
  }
  [[nodiscard]] int key_head(int head) const { return head * heads_.key_value / heads_.query; }
  [[nodiscard]] double score(Token q, Token k, int head) const {
    double dot = 0;
    for (int d = 0; d < heads_.dim; ++d) {
      dot += input_value(Role::q, q, head, d) * input_value(Role::k, k, key_head(head), d);
    }
    return dot / std::sqrt(heads_.dim);
  }

  void forward(Token q, int head) {
    double sum = 0;
    for (Token k = 0; k < tokens_; ++k) {
      if (seen(q, k)) sum += std::exp(score(q, k, head));
    }
    at(Role::lse, q, head, 0) = std::log(sum);
    for (Token k = 0; k < tokens_; ++k) {
      if (!seen(q, k)) continue;
      const double p = std::exp(score(q, k, head)) / sum;
      for (int d = 0; d < heads_.dim; ++d) {
        at(Role::o, q, head, d) += p * input_value(Role::v, k, key_head(head), d);
      }
    }
    for (int d = 0; d < heads_.dim; ++d) {
      at(Role::delta, q, head, 0) += at(Role::o, q, head, d) * input_value(Role::dout, q, head, d);
    }
  }

  void backward(Token q, int head) {
    const int kv = key_head(head);
    for (Token k = 0; k < tokens_; ++k) {
      if (!seen(q, k)) continue;
      const double p = std::exp(score(q, k, head) - at(Role::lse, q, head, 0));
      double dp = 0;
      for (int d = 0; d < heads_.dim; ++d) {
        dp += input_value(Role::dout, q, head, d) * input_value(Role::v, k, kv, d);
        at(Role::dv, k, kv, d) += p * input_value(Role::dout, q, head, d);
      }
      const double ds = p * (dp - at(Role::delta, q, head, 0)) / std::sqrt(heads_.dim);
      for (int d = 0; d < heads_.dim; ++d) {
        at(Role::dq, q, head, d) += ds * input_value(Role::k, k, kv, d);
        at(Role::dk, k, kv, d) += ds * input_value(Role::q, q, head, d);
      }
    }
  }

  Heads heads_;
  Token tokens_;
  std::vector<Slice> slices_;
  std::vector<double> values_[10];  ///< by role
};

}  // namespace hsap::support
