#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "validate/world/socket.hpp"

/// Frames over a connection: four bytes of length (little end first), one of kind, the payload.
namespace hsap::world {

enum class FrameKind : std::uint8_t {
  hello,     ///< who connects
  heard,     ///< rank 0 has read the hello
  stale,     ///< the hello is for a run of the past: look at the shared file again
  welcome,   ///< all are there; everyone's hello
  refused,   ///< the run does not begin; why
  alive,     ///< heartbeat
  data,      ///< a part of a broadcast or gather
  loss,      ///< a rank failed or was lost
  waited,    ///< a rank is tired of waiting in a step
  finish,    ///< has done its work
  finished,  ///< all have
};
inline constexpr std::uint8_t frame_kinds = static_cast<std::uint8_t>(FrameKind::finished) + 1;

struct Frame {
  FrameKind kind = FrameKind::alive;
  std::string payload;
};

/// One end of a connection that never blocks.
class Channel {
 public:
  enum class State {
    open,
    closed,   ///< by the other side, or the connection broke
    garbage,  ///< the other side sent something that is no frame
  };

  /// Takes frames of at most `most_bytes`.
  Channel(Descriptor socket, std::size_t most_bytes)
      : socket_(std::move(socket)), most_bytes_(most_bytes) {}

  [[nodiscard]] int descriptor() const { return socket_.get(); }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool open() const { return state_ == State::open; }
  void set_most_bytes(std::size_t most_bytes) { most_bytes_ = most_bytes; }

  void put(const Frame& frame);
  /// Whether anything waits to be written.
  [[nodiscard]] bool unsent() const { return !out_.empty(); }
  /// Writes and reads what is possible now; read() answers whether anything came.
  void write();
  bool read();
  /// The next frame that is complete.
  [[nodiscard]] std::optional<Frame> take();
  /// The first bytes that came and were not taken, for people.
  [[nodiscard]] std::string glimpse() const;
  /// Says that nothing more will be written.
  void end_writing();
  [[nodiscard]] std::string peer() const { return peer_of(socket_); }

 private:
  Descriptor socket_;
  std::size_t most_bytes_;
  State state_ = State::open;
  std::string in_;
  std::string out_;
};

/// Puts numbers and texts into a payload.
class Writer {
 public:
  void number(std::uint32_t value);
  void text(const std::string& value);
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Gets them out again. Once something does not fit, everything is empty and ok() is false.
class Reader {
 public:
  explicit Reader(const std::string& bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint32_t number();
  [[nodiscard]] std::string text(std::size_t most_bytes);
  /// Whether all fitted and nothing is left.
  [[nodiscard]] bool done() const { return ok_ && at_ == bytes_.size(); }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  const std::string& bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace hsap::world
