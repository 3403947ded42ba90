#include "validate/world/channel.hpp"

#include <algorithm>
#include <cerrno>

namespace hsap::world {
namespace {

constexpr std::size_t head_bytes = 5;

void append(std::string& bytes, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) {
    bytes.push_back(static_cast<char>(value >> shift & 0xff));
  }
}

std::uint32_t number_at(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  }
  return value;
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

void Channel::put(const Frame& frame) {
  append(out_, static_cast<std::uint32_t>(frame.payload.size()));
  out_.push_back(static_cast<char>(frame.kind));
  out_ += frame.payload;
}

void Channel::write() {
  std::size_t sent = 0;
  while (sent < out_.size()) {
    const ssize_t count =
        ::send(socket_.get(), out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
    if (count > 0) {
      sent += static_cast<std::size_t>(count);
      continue;
    }
    if (would_block()) break;
    // What the other side said before it went may still be there to be read: only reading closes.
    out_.clear();
    return;
  }
  out_.erase(0, sent);
}

bool Channel::read() {
  constexpr std::size_t at_once = 64 << 10;
  char buffer[at_once];
  bool came = false;
  // Enough for one frame: the rest can wait in the connection.
  while (state_ == State::open && in_.size() <= most_bytes_ + head_bytes) {
    const ssize_t count = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (count > 0) {
      in_.append(buffer, static_cast<std::size_t>(count));
      came = true;
    } else if (count == 0 || !would_block()) {
      state_ = State::closed;
    } else {
      break;
    }
  }
  return came;
}

std::optional<Frame> Channel::take() {
  if (state_ == State::garbage || in_.size() < head_bytes) return {};
  const std::size_t length = number_at(in_, 0);
  const auto kind = static_cast<std::uint8_t>(in_[4]);
  if (length > most_bytes_ || kind >= frame_kinds) {
    state_ = State::garbage;
    return {};
  }
  if (in_.size() < head_bytes + length) return {};
  Frame frame{static_cast<FrameKind>(kind), in_.substr(head_bytes, length)};
  in_.erase(0, head_bytes + length);
  return frame;
}

std::string Channel::glimpse() const {
  constexpr std::size_t most = 24;
  std::string text = in_.substr(0, most);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '.');
  return text;
}

void Channel::end_writing() { ::shutdown(socket_.get(), SHUT_WR); }

void Writer::number(std::uint32_t value) { append(bytes_, value); }

void Writer::text(const std::string& value) {
  number(static_cast<std::uint32_t>(value.size()));
  bytes_ += value;
}

std::uint32_t Reader::number() {
  ok_ = ok_ && bytes_.size() - at_ >= 4;
  if (!ok_) return 0;
  at_ += 4;
  return number_at(bytes_, at_ - 4);
}

std::string Reader::text(std::size_t most_bytes) {
  const std::size_t length = number();
  ok_ = ok_ && length <= most_bytes && length <= bytes_.size() - at_;
  if (!ok_) return {};
  at_ += length;
  return bytes_.substr(at_ - length, length);
}

}  // namespace hsap::world
