#include "validate/host/messages.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace hsap::host {

namespace {

std::size_t row_bytes(const View& view, HeadRange heads) {
  return static_cast<std::size_t>(heads.size()) * view.width * bytes_of(view.element);
}

}  // namespace

Message pack(const View& view, std::span<const Token> tokens, HeadRange heads) {
  const std::size_t bytes = row_bytes(view, heads);
  Message message(tokens.size() * bytes);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    std::memcpy(message.data() + i * bytes, view.at((*view.rows)[tokens[i]], heads.begin), bytes);
  }
  return message;
}

template <typename T>
bool unpack(const Message& message, const View& view, std::span<const Token> tokens,
            HeadRange heads, bool add) {
  const std::size_t bytes = row_bytes(view, heads);
  if (message.size() != tokens.size() * bytes) return false;
  const std::size_t numbers = bytes / bytes_of(view.element);
  std::vector<T> sum(numbers), part(numbers);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::byte* from = message.data() + i * bytes;
    std::byte* to = view.at((*view.rows)[tokens[i]], heads.begin);
    if (!add) {
      std::memcpy(to, from, bytes);
      continue;
    }
    load(view.element, to, numbers, sum.data());
    load(view.element, from, numbers, part.data());
    for (std::size_t d = 0; d < numbers; ++d) sum[d] += part[d];
    store(view.element, sum.data(), numbers, to);
  }
  return true;
}

template bool unpack<float>(const Message&, const View&, std::span<const Token>, HeadRange, bool);
template bool unpack<double>(const Message&, const View&, std::span<const Token>, HeadRange, bool);

template <typename T>
Exchange<T>::Exchange(const Schedule& schedule, const Operation& op, Memory& memory)
    : schedule_(schedule), stream_(op.stream) {
  for (const Transfer& transfer : schedule.transfers_of(op)) {
    Item item;
    item.transfer = &transfer;
    item.view = memory.view(transfer.buffer);
    item.tokens = tokens_of(schedule.intervals_of(transfer));
    items_.push_back(std::move(item));
  }
  left_ = items_.size();
}

template <typename T>
bool Exchange<T>::advance(Mail& mail) {
  bool moved = false;
  std::vector<Lane> full, empty;  // lanes on which a message before this one has to wait
  const auto waits = [](const std::vector<Lane>& lanes, const Lane& lane) {
    return std::find(lanes.begin(), lanes.end(), lane) != lanes.end();
  };
  for (std::size_t at = 0; at < items_.size(); ++at) {
    Item& item = items_[at];
    if (item.done) continue;
    const bool sends = item.transfer->direction == Direction::send;
    std::vector<Lane>& behind = sends ? full : empty;
    const bool arrived = !sends && item.message.has_value();
    if (!arrived && waits(behind, lane(item))) continue;
    moved = (sends ? send(item, mail) : receive(at, mail)) || moved;
    const bool off_the_lane = item.done || (!sends && item.message.has_value());
    if (!off_the_lane) behind.push_back(lane(item));
  }
  return moved;
}

template <typename T>
bool Exchange<T>::send(Item& item, Mail& mail) {
  if (!item.message) item.message = pack(item.view, item.tokens, item.transfer->heads);
  if (!mail.offer(lane(item), *item.message)) return false;
  item.message.reset();
  item.done = true;
  --left_;
  return true;
}

template <typename T>
bool Exchange<T>::its_turn_to_add(std::size_t at) const {
  return std::none_of(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(at),
                      [&](const Item& before) {
                        return !before.done && before.transfer->add &&
                               before.transfer->buffer == items_[at].transfer->buffer;
                      });
}

template <typename T>
bool Exchange<T>::receive(std::size_t at, Mail& mail) {
  Item& item = items_[at];
  bool moved = false;
  if (!item.message) {
    item.message = mail.transport.take(lane(item));
    if (!item.message) return false;
    moved = true;
  }
  if (item.transfer->add && !its_turn_to_add(at)) return moved;
  // A message of the wrong length cannot be what this receive is for: it stays undone and is told.
  if (!unpack<T>(*item.message, item.view, item.tokens, item.transfer->heads, item.transfer->add)) {
    return moved;
  }
  item.message.reset();
  item.done = true;
  --left_;
  return true;
}

template <typename T>
std::string Exchange<T>::report() const {
  std::string text;
  for (const Item& item : items_) {
    if (item.done) continue;
    const bool sends = item.transfer->direction == Direction::send;
    text += fmt::format(
        "{}{} {} of {} tokens, heads {}:{} {} rank {}{}", text.empty() ? "" : "; ",
        sends ? "send" : "receive", to_string(schedule_.buffers[item.transfer->buffer].role),
        item.tokens.size(), item.transfer->heads.begin, item.transfer->heads.end,
        sends ? "to" : "from", item.transfer->peer,
        !sends && item.message
            ? fmt::format(" (a message of {} bytes does not fit)", item.message->size())
            : "");
  }
  return text;
}

template class Exchange<float>;
template class Exchange<double>;

}  // namespace hsap::host
