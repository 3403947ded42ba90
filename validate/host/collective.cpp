#include "validate/host/collective.hpp"

#include <fmt/format.h>

#include <optional>

namespace hsap::host {

template <typename T>
Collective<T>::Collective(const Schedule& schedule, Index op, const Meetings& meetings,
                          Memory& memory)
    : schedule_(schedule),
      op_(schedule.operations[op]),
      ring_(schedule, meetings, op),
      memory_(memory),
      pairs_(op_.operands.count / 2) {
  held_ = own_share(ring_.sent_in(0));
  if (gathers() || ring_.steps() == 0) static_cast<void>(put(held_, ring_.self()));
}

template <typename T>
View Collective<T>::source(std::size_t pair) {
  return memory_.view(schedule_.operands_of(op_)[2 * pair]);
}

template <typename T>
View Collective<T>::destination(std::size_t pair) {
  return memory_.view(schedule_.operands_of(op_)[2 * pair + 1]);
}

template <typename T>
std::vector<Token> Collective<T>::rows_of(std::size_t member, std::size_t pair) const {
  return tokens_of(schedule_.intervals_of(schedule_.buffers[ring_.part(member, pair)]));
}

template <typename T>
Message Collective<T>::own_share(std::size_t member) {
  Message message;
  for (std::size_t pair = 0; pair < pairs_; ++pair) {
    const Message part = pack(source(pair), rows_of(member, pair), op_.heads);
    message.insert(message.end(), part.begin(), part.end());
  }
  return message;
}

template <typename T>
void Collective<T>::add_share(Message& message, std::size_t member) {
  const Message own = own_share(member);
  if (own.size() != message.size()) return;
  const Element element = source(0).element;
  const std::size_t numbers = own.size() / bytes_of(element);
  std::vector<T> sum(numbers), part(numbers);
  load(element, message.data(), numbers, sum.data());
  load(element, own.data(), numbers, part.data());
  for (std::size_t i = 0; i < numbers; ++i) sum[i] += part[i];
  store(element, sum.data(), numbers, message.data());
}

template <typename T>
bool Collective<T>::put(const Message& message, std::size_t member) {
  std::size_t at = 0;
  for (std::size_t pair = 0; pair < pairs_; ++pair) {
    const std::vector<Token> rows = rows_of(member, pair);
    const View to = destination(pair);
    const std::size_t bytes =
        rows.size() * static_cast<std::size_t>(op_.heads.size()) * to.width * bytes_of(to.element);
    if (at + bytes > message.size()) return false;
    const auto begin = message.begin() + static_cast<std::ptrdiff_t>(at);
    const Message part(begin, begin + static_cast<std::ptrdiff_t>(bytes));
    if (!unpack<T>(part, to, rows, op_.heads, false)) return false;
    at += bytes;
  }
  return at == message.size();
}

template <typename T>
bool Collective<T>::accept(Message message) {
  const std::size_t member = ring_.received_in(received_);
  const bool last = received_ + 1 == ring_.steps();
  if (!gathers()) add_share(message, member);
  if ((gathers() || last) && !put(message, member)) return false;
  held_ = std::move(message);
  ++received_;
  return true;
}

template <typename T>
bool Collective<T>::all_meet() const {
  return ring_.members() == static_cast<std::size_t>(schedule_.group_of(op_).count);
}

template <typename T>
bool Collective<T>::advance(Mail& mail) {
  if (!all_meet()) return false;
  bool moved = false;
  while (!complete()) {
    bool stepped = false;
    if (sent_ == received_ && sent_ < ring_.steps()) {
      Message copy = held_;
      if (mail.offer({ring_.next(), op_.stream, true}, copy)) {
        ++sent_;
        stepped = true;
      }
    }
    if (received_ < sent_) {
      std::optional<Message> message = mail.transport.take({ring_.before(), op_.stream, true});
      if (message) stepped = accept(*std::move(message)) || stepped;
    }
    if (!stepped) return moved;
    moved = true;
  }
  return moved;
}

template <typename T>
std::string Collective<T>::report() const {
  if (!all_meet()) {
    return fmt::format("a group of {} ranks of which only {} come", schedule_.group_of(op_).count,
                       ring_.members());
  }
  return fmt::format("step {} of {}: {} rank {}", received_ + 1, ring_.steps(),
                     received_ < sent_ ? "receive from" : "send to",
                     received_ < sent_ ? ring_.before() : ring_.next());
}

template class Collective<float>;
template class Collective<double>;

}  // namespace hsap::host
