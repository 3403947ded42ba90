#include "validate/probe/probe.hpp"

#include <algorithm>

namespace hsap {
namespace {

constexpr Role inputs[] = {Role::q, Role::k, Role::v, Role::dout};

void copy_tokens(const Tensor& from, Token first, Tensor& to, Token at, Token count) {
  for (Token i = 0; i < count; ++i) {
    for (int head = 0; head < from.heads; ++head) {
      const auto source = from.row(first + i, head);
      std::copy(source.begin(), source.end(), to.row(at + i, head).begin());
    }
  }
}

std::vector<int> choose(const std::vector<Token>& lengths, int most) {
  const auto count = static_cast<int>(lengths.size());
  const auto shortest = std::min_element(lengths.begin(), lengths.end()) - lengths.begin();
  const auto longest = std::max_element(lengths.begin(), lengths.end()) - lengths.begin();
  std::vector<int> wanted{static_cast<int>(shortest), static_cast<int>(longest), 0, count - 1};
  most = std::min(most, count);
  for (int i = 0; i < most; ++i) {
    wanted.push_back(static_cast<int>(std::int64_t{i} * count / most));
  }
  std::vector<int> chosen;
  for (const int document : wanted) {
    const bool is_new = std::find(chosen.begin(), chosen.end(), document) == chosen.end();
    if (is_new && static_cast<int>(chosen.size()) < most) chosen.push_back(document);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace

Probe make_probe(const Problem& problem, std::uint64_t seed, int most) {
  Probe probe{problem, seed, choose(problem.batch.lengths, most), {}};
  const auto count = static_cast<int>(problem.batch.documents());
  for (int i = 0; i < count; ++i) probe.order.push_back((2 * count - 1 - i + count / 2) % count);
  return probe;
}

Tensors base_inputs(const Probe& probe) { return random_inputs(probe.problem, probe.seed); }

Tensors replaced_inputs(const Probe& probe, int document) {
  const auto at = static_cast<std::size_t>(document);
  const std::vector<Token> starts = probe.problem.batch.cu_seqlens();
  Tensors tensors = base_inputs(probe);
  // Another seed for each document, so that no run repeats the numbers of another.
  const Tensors others =
      random_inputs(probe.problem, probe.seed + 1 + static_cast<std::uint64_t>(document));
  for (const Role role : inputs) {
    copy_tokens(others[role], starts[at], tensors[role], starts[at], starts[at + 1] - starts[at]);
  }
  return tensors;
}

Problem permuted_problem(const Probe& probe) {
  Problem problem = probe.problem;
  for (std::size_t i = 0; i < probe.order.size(); ++i) {
    problem.batch.lengths[i] =
        probe.problem.batch.lengths[static_cast<std::size_t>(probe.order[i])];
  }
  return problem;
}

Tensors permuted(const Probe& probe, const Tensors& tensors) {
  const std::vector<Token> starts = probe.problem.batch.cu_seqlens();
  Tensors out;
  for (std::size_t role = 0; role < tensors.by_role.size(); ++role) {
    const Tensor& from = tensors.by_role[role];
    if (from.empty()) continue;
    out.by_role[role] = Tensor(from.tokens, from.heads, from.width);
    Token at = 0;
    for (const int document : probe.order) {
      const auto index = static_cast<std::size_t>(document);
      const Token count = starts[index + 1] - starts[index];
      copy_tokens(from, starts[index], out.by_role[role], at, count);
      at += count;
    }
  }
  return out;
}

}  // namespace hsap
