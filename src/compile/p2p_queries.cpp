#include "compile/p2p_queries.hpp"

namespace hsap {

Visits::Visits(Lowering& lower)
    : lower_(lower),
      asked_(static_cast<std::size_t>(lower.mesh.shards())),
      served_(static_cast<std::size_t>(lower.mesh.shards())) {}

void Visits::add(int asker, int server, std::span<const Slice> slices) {
  const Meeting work = store_meeting(lower_, slices, asker, server);
  asked_[static_cast<std::size_t>(asker)].push_back({server, work});
  served_[static_cast<std::size_t>(server)].push_back({asker, work});
}

std::int64_t Visits::query_bytes(std::int64_t rows) const {
  const Heads& heads = lower_.problem.heads;
  const std::int64_t at_rest = bytes_of(lower_.problem.dtype);
  const std::int64_t gradient = bytes_of(lower_.strategy.gradient_dtype);
  const std::int64_t statistic = bytes_of(Dtype::fp32);
  const std::int64_t dim = heads.dim;
  const std::int64_t row = lower_.build.schedule().pass == Pass::forward
                               ? 2 * dim * at_rest + statistic
                               : dim * (2 * at_rest + gradient) + 2 * statistic;
  return rows * heads.query * row;
}

std::int64_t Visits::key_bytes(std::int64_t rows) const {
  std::int64_t heads = 0;  // of all members of a Ulysses group, which may share some
  for (int u = 0; u < lower_.mesh.ulysses(); ++u) heads += lower_.mesh.key_heads(u).size();
  const std::int64_t number =
      lower_.build.schedule().pass == Pass::forward
          ? bytes_of(lower_.problem.dtype)
          : bytes_of(lower_.problem.dtype) + bytes_of(lower_.strategy.gradient_dtype);
  return rows * heads * 2 * lower_.problem.heads.dim * number;
}

std::vector<Index> Visits::buffers(const Scope& at, const std::vector<Visit>& visits, Role role,
                                   Dtype dtype) {
  std::vector<Index> made;
  made.reserve(visits.size());
  for (const Visit& visit : visits) {
    made.push_back(
        lower_.build.buffer(role, Usage::staging, dtype, at.query_heads, visit.work.queries));
  }
  return made;
}

void Visits::question(const Scope& at, Index from, const std::vector<Index>& into) {
  for (const Visit& visit : asked_by(at)) {
    lower_.build.send(rank_of(at, visit), from, visit.work.queries, at.query_heads);
  }
  for (std::size_t i = 0; i < into.size(); ++i) {
    const Visit& visit = served_by(at)[i];
    lower_.build.receive(rank_of(at, visit), into[i], visit.work.queries, at.query_heads);
  }
}

void Visits::answer(const Scope& at, const std::vector<Index>& from,
                    const std::vector<Index>& into) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    const Visit& visit = served_by(at)[i];
    lower_.build.send(rank_of(at, visit), from[i], visit.work.queries, at.query_heads);
  }
  for (std::size_t i = 0; i < into.size(); ++i) {
    const Visit& visit = asked_by(at)[i];
    lower_.build.receive(rank_of(at, visit), into[i], visit.work.queries, at.query_heads);
  }
}

Visits::Questions Visits::ask(const Scope& at) {
  Questions questions;
  if (!asks(at) && !serves(at)) return questions;
  questions.q = buffers(at, served_by(at), Role::q, lower_.problem.dtype);
  questions.complete = lower_.build.exchange(Stream::keys);
  question(at, at.q, questions.q);
  lower_.build.after(at.ready);
  return questions;
}

Visits::Answers Visits::serve(const Scope& at, const Questions& questions) {
  Answers answers;
  if (!asks(at) && !serves(at)) return answers;
  const Dtype dtype = lower_.problem.dtype;
  const std::vector<Index> o = buffers(at, served_by(at), Role::o, dtype);
  const std::vector<Index> lse = buffers(at, served_by(at), Role::lse, Dtype::fp32);
  for (std::size_t i = 0; i < o.size(); ++i) {
    answers.served = lower_.build.attend({questions.q[i], at.own.k, at.own.v, o[i], lse[i]},
                                         at.query_heads, served_by(at)[i].work.slices);
    lower_.build.after(questions.complete);
  }
  answers.result = buffers(at, asked_by(at), Role::o, dtype);
  answers.lse = buffers(at, asked_by(at), Role::lse, Dtype::fp32);
  answers.complete = lower_.build.exchange(Stream::gradients);
  answer(at, o, answers.result);
  answer(at, lse, answers.lse);
  lower_.build.after(answers.served);
  return answers;
}

Index Visits::merge(const Scope& at, const Answers& answers, Index done) {
  for (std::size_t i = 0; i < answers.result.size(); ++i) {
    done = lower_.build.merge(answers.result[i], answers.lse[i], at.o, at.lse, at.query_heads);
    lower_.build.after(answers.complete);
  }
  return done;
}

Visits::Questions Visits::ask(const BackwardScope& at, Index prepared) {
  Questions questions;
  if (!asks(at) && !serves(at)) return questions;
  const Dtype dtype = lower_.problem.dtype;
  questions.q = buffers(at, served_by(at), Role::q, dtype);
  questions.dout = buffers(at, served_by(at), Role::dout, dtype);
  questions.lse = buffers(at, served_by(at), Role::lse, Dtype::fp32);
  questions.delta = buffers(at, served_by(at), Role::delta, Dtype::fp32);
  questions.complete = lower_.build.exchange(Stream::keys);
  question(at, at.q, questions.q);
  question(at, at.dout, questions.dout);
  question(at, at.lse, questions.lse);
  question(at, at.delta, questions.delta);
  lower_.build.after(at.ready);
  lower_.build.after(prepared);
  return questions;
}

Visits::Answers Visits::serve(const BackwardScope& at, const Questions& questions,
                              const KeyValue& sum) {
  Answers answers;
  if (!asks(at) && !serves(at)) return answers;
  const Dtype travelling = lower_.strategy.gradient_dtype;
  const std::vector<Index> dq = buffers(at, served_by(at), Role::dq, travelling);
  for (std::size_t i = 0; i < dq.size(); ++i) {
    answers.served = lower_.build.attend_backward(
        {questions.q[i], at.own.k, at.own.v, questions.dout[i], questions.lse[i],
         questions.delta[i], dq[i], sum.k, sum.v},
        at.query_heads, served_by(at)[i].work.slices, {.query = false, .key = true});
    lower_.build.after(questions.complete);
  }
  answers.result = buffers(at, asked_by(at), Role::dq, travelling);
  answers.complete = lower_.build.exchange(Stream::gradients);
  answer(at, dq, answers.result);
  lower_.build.after(answers.served);
  return answers;
}

Index Visits::add(const BackwardScope& at, const Answers& answers, Index dq, Index done) {
  for (const Index partial : answers.result) {
    done = lower_.build.reduce(partial, dq, at.query_heads);
    lower_.build.after(answers.complete);
  }
  return done;
}

}  // namespace hsap
