#include "validate/host/collective.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "schedule/kinds.hpp"

namespace hsap::host {

Meetings::Meetings(const Schedule& schedule) {
  using Key = std::tuple<Rank, Rank, Rank, Stream, Kind, std::size_t>;
  std::map<Key, std::size_t> known;
  for (Rank rank = 0; rank < schedule.ranks(); ++rank) {
    std::map<Key, std::size_t> turns;
    for (const Operation& op : schedule.program(rank)) {
      if (!is_collective(op.kind)) continue;
      const Group& group = schedule.group_of(op);
      Key key{group.first, group.count, group.stride, op.stream, op.kind, 0};
      std::get<5>(key) = turns[key]++;
      const auto [place, is_new] = known.try_emplace(key, members_.size());
      if (is_new) members_.emplace_back();
      const auto index = static_cast<Index>(&op - schedule.operations.data());
      meeting_of_[index] = place->second;
      members_[place->second].push_back(index);
    }
  }
}

std::span<const Index> Meetings::of(Index op) const { return members_[meeting_of_.at(op)]; }

template <typename T>
Collective<T>::Collective(const Schedule& schedule, Index op, const Meetings& meetings,
                          Memory& memory)
    : schedule_(schedule),
      op_(schedule.operations[op]),
      members_(meetings.of(op)),
      memory_(memory),
      position_(static_cast<std::size_t>(std::find(members_.begin(), members_.end(), op) -
                                         members_.begin())),
      pairs_(op_.operands.count / 2),
      steps_(members_.size() - 1) {
  if (gathers()) {
    held_ = own_share(position_);
    static_cast<void>(put(held_, position_));
    return;
  }
  held_ = own_share(sent_in(0));
  if (steps_ == 0) static_cast<void>(put(held_, position_));
}

template <typename T>
std::size_t Collective<T>::sent_in(std::size_t step) const {
  const std::size_t n = members_.size();
  return (position_ + 2 * n - step - (gathers() || n == 1 ? 0 : 1)) % n;
}

template <typename T>
std::size_t Collective<T>::received_in(std::size_t step) const {
  return (sent_in(step) + members_.size() - 1) % members_.size();
}

template <typename T>
Rank Collective<T>::neighbour(std::size_t distance) const {
  return schedule_.operations[members_[(position_ + distance) % members_.size()]].rank;
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
  const Operation& op = schedule_.operations[members_[member]];
  const Index buffer = schedule_.operands_of(op)[2 * pair + (gathers() ? 0 : 1)];
  return tokens_of(schedule_.intervals_of(schedule_.buffers[buffer]));
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
  const std::size_t member = received_in(received_);
  const bool last = received_ + 1 == steps_;
  if (!gathers()) add_share(message, member);
  if ((gathers() || last) && !put(message, member)) return false;
  held_ = std::move(message);
  ++received_;
  return true;
}

template <typename T>
bool Collective<T>::all_meet() const {
  return members_.size() == static_cast<std::size_t>(schedule_.group_of(op_).count);
}

template <typename T>
bool Collective<T>::advance(Mail& mail) {
  if (!all_meet()) return false;
  bool moved = false;
  while (!complete()) {
    bool stepped = false;
    if (sent_ == received_ && sent_ < steps_) {
      Message copy = held_;
      if (mail.offer({neighbour(1), op_.stream, true}, copy)) {
        ++sent_;
        stepped = true;
      }
    }
    if (received_ < sent_) {
      const Rank before = neighbour(members_.size() - 1);
      std::optional<Message> message = mail.transport.take({before, op_.stream, true});
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
                       members_.size());
  }
  return fmt::format("step {} of {}: {} rank {}", received_ + 1, steps_,
                     received_ < sent_ ? "receive from" : "send to",
                     received_ < sent_ ? neighbour(members_.size() - 1) : neighbour(1));
}

template class Collective<float>;
template class Collective<double>;

}  // namespace hsap::host
