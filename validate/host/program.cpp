#include "validate/host/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "schedule/kinds.hpp"

namespace hsap::host {

bool is_result(const Buffer& buffer) {
  const bool kept = buffer.usage == Usage::output || buffer.usage == Usage::saved;
  return kept && buffer.role > Role::v;
}

void append(const RankRecord& record, Execution& execution) {
  execution.bytes_sent.insert(execution.bytes_sent.end(), record.bytes_sent.begin(),
                              record.bytes_sent.end());
  execution.peak_buffer_bytes.push_back(record.peak_buffer_bytes);
  for (std::size_t kind = 0; kind < record.kernel_s.size(); ++kind) {
    execution.kernel_s[kind] += record.kernel_s[kind];
  }
}

void make_room(const Schedule& schedule, Tensors& tensors) {
  for (const Buffer& buffer : schedule.buffers) {
    if (!is_result(buffer)) continue;
    tensors[buffer.role] =
        Tensor(schedule.tokens, head_count(schedule.heads, buffer.role),
               schedule.width(buffer.role), std::numeric_limits<double>::quiet_NaN());
  }
}

template <typename T>
Program<T>::Program(const Schedule& schedule, const BufferPlan& plan, const Meetings& meetings,
                    Rank rank, Arithmetic arithmetic, Transport& transport)
    : schedule_(schedule),
      meetings_(meetings),
      rank_(rank),
      memory_(schedule, plan, rank, arithmetic),
      mail_{transport, std::vector<std::int64_t>(schedule.programs.size(), 0)} {
  const Range& program = schedule.programs[static_cast<std::size_t>(rank)];
  for (Index i = 0; i < program.count; ++i) {
    const Index at = program.first + i;
    queues_[static_cast<std::size_t>(schedule.operations[at].stream)].waiting.push_back(at);
  }
  complete_.assign(program.count, false);
  left_ = program.count;
}

template <typename T>
void Program<T>::read_inputs(const Tensors& tensors) {
  for (Index at = 0; at < schedule_.buffers.size(); ++at) {
    const Buffer& buffer = schedule_.buffers[at];
    if (buffer.rank != rank_ || buffer.usage != Usage::input || !memory_.has(at)) continue;
    read_rows(tensors[buffer.role], memory_.view(at));
  }
}

template <typename T>
void Program<T>::write_results(Tensors& tensors) {
  for (Index at = 0; at < schedule_.buffers.size(); ++at) {
    const Buffer& buffer = schedule_.buffers[at];
    Tensor& tensor = tensors[buffer.role];
    const bool wanted = buffer.rank == rank_ && is_result(buffer) && memory_.has(at);
    if (!wanted || tensor.empty()) continue;
    write_rows(memory_.view(at), tensor);
  }
}

template <typename T>
bool Program<T>::ready(const Operation& op) const {
  const Index first = schedule_.programs[static_cast<std::size_t>(rank_)].first;
  const auto dependencies = schedule_.dependencies_of(op);
  return std::all_of(dependencies.begin(), dependencies.end(),
                     [&](Index before) { return complete_[before - first]; });
}

template <typename T>
Transport::Wake Program<T>::run() {
  while (left_ > 0) {
    bool moved = false;
    for (Queue& queue : queues_) {
      while (advance(queue)) moved = true;
    }
    if (moved || left_ == 0) continue;
    const Transport::Wake wake = mail_.transport.wait();
    if (wake != Transport::Wake::look) return wake;
  }
  return Transport::Wake::look;
}

template <typename T>
bool Program<T>::advance(Queue& queue) {
  if (queue.waiting.empty()) return false;
  const Index at = queue.waiting.front();
  const Operation& op = schedule_.operations[at];
  const bool started = queue.exchange || queue.collective;
  if (!started && !ready(op)) return false;
  const auto begin = std::chrono::steady_clock::now();
  bool complete = true;
  bool moved = true;
  if (communicates(op.kind)) {
    moved = communicate(queue, op, complete) || !started;
  } else {
    compute(op);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  kernel_s_[static_cast<std::size_t>(op.kind)] += took.count();
  if (!complete) return moved;
  queue.exchange.reset();
  queue.collective.reset();
  queue.waiting.pop_front();
  complete_[at - schedule_.programs[static_cast<std::size_t>(rank_)].first] = true;
  --left_;
  return true;
}

template <typename T>
bool Program<T>::communicate(Queue& queue, const Operation& op, bool& complete) {
  bool moved = false;
  if (op.kind == Kind::exchange) {
    if (!queue.exchange) queue.exchange.emplace(schedule_, op, memory_);
    moved = queue.exchange->advance(mail_);
    complete = queue.exchange->complete();
  } else {
    if (!queue.collective) {
      queue.collective.emplace(schedule_, queue.waiting.front(), meetings_, memory_);
    }
    moved = queue.collective->advance(mail_);
    complete = queue.collective->complete();
  }
  return moved;
}

template <typename T>
void Program<T>::attend_on(const Operation& op) {
  const auto on = schedule_.operands_of(op);
  const auto view = [&](std::size_t i) { return memory_.view(on[i]); };
  attend<T>({view(0), view(1), view(2), view(3), view(4)}, {op.heads, schedule_.heads},
            schedule_.slices_of(op), op.accumulate_query);
}

template <typename T>
void Program<T>::attend_backward_on(const Operation& op) {
  const auto on = schedule_.operands_of(op);
  const auto view = [&](std::size_t i) { return memory_.view(on[i]); };
  attend_backward<T>(
      {view(0), view(1), view(2), view(3), view(4), view(5), view(6), view(7), view(8)},
      {op.heads, schedule_.heads}, schedule_.slices_of(op), op.accumulate_query, op.accumulate_key);
}

template <typename T>
void Program<T>::compute(const Operation& op) {
  const auto on = schedule_.operands_of(op);
  const auto view = [&](std::size_t i) { return memory_.view(on[i]); };
  switch (op.kind) {
    case Kind::attend:
      return attend_on(op);
    case Kind::attend_backward:
      return attend_backward_on(op);
    case Kind::delta:
      return row_products<T>(view(0), view(1), view(2), op.heads);
    case Kind::merge:
      return merge<T>(view(0), view(1), view(2), view(3), op.heads);
    case Kind::reduce:
      return move_rows<T>(view(0), view(1), view(0).rows->tokens(), op.heads, true);
    case Kind::copy: {
      const bool all = op.payload.count == 0;
      return move_rows<T>(view(0), view(1),
                          all ? view(0).rows->tokens() : memory_.rows(op.payload).tokens(),
                          op.heads, false);
    }
    default:
      return;  // `compute` touches no buffer
  }
}

template <typename T>
std::string Program<T>::report() const {
  std::string text;
  for (const Queue& queue : queues_) {
    if (queue.waiting.empty()) continue;
    const Operation& op = schedule_.operations[queue.waiting.front()];
    text += fmt::format("\n  rank {} at operation {}, {}", rank_, queue.waiting.front(),
                        line_of(schedule_, op));
    if (queue.exchange) text += "\n    waits to " + queue.exchange->report();
    if (queue.collective) text += "\n    waits in " + queue.collective->report();
    if (!queue.exchange && !queue.collective) text += "\n    waits for operations before it";
  }
  return text;
}

template <typename T>
RankRecord Program<T>::record() const {
  return {mail_.bytes_sent, memory_.peak_bytes(), kernel_s_};
}

template class Program<float>;
template class Program<double>;

}  // namespace hsap::host
