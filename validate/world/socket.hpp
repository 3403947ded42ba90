#pragma once

#include <sys/socket.h>

#include <chrono>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hsap/status.hpp"

/// TCP as far as meeting needs it. No socket blocks, and none is inherited by another program.
namespace hsap::world {

using Clock = std::chrono::steady_clock;

[[nodiscard]] inline Clock::duration seconds(double value) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value));
}
/// Milliseconds from now until then, rounded up, for poll(); 0 when it is past.
[[nodiscard]] int milliseconds_until(Clock::time_point when);

/// An open file, closed with the object.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }

  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool open() const { return number_ >= 0; }
  void close();

 private:
  int number_ = -1;
};

/// A numeric address with its port.
struct Address {
  sockaddr_storage storage = {};
  socklen_t length = 0;

  [[nodiscard]] std::string text() const;  ///< "10.0.0.1:29500", "[::1]:29500"
  [[nodiscard]] bool loopback() const;
};

/// What a name stands for, in the order to try. Errors: nothing; no answer until then (bad_input).
[[nodiscard]] Result<std::vector<Address>> resolve(const std::string& host, int port,
                                                   Clock::time_point deadline);
/// Addresses of this machine's interfaces, those of loopback last.
[[nodiscard]] std::vector<Address> own_addresses(int port);
/// Whether one of the addresses belongs to this machine.
[[nodiscard]] bool is_own(std::span<const Address> addresses);

/// Listens at a port of all interfaces, or of loopback alone; port 0 takes a free one.
/// Errors: the port is in use (bad_input).
[[nodiscard]] Result<Descriptor> listen_at(int port, const Address* loopback);
[[nodiscard]] int port_of(const Descriptor& listener);
/// Who wants to connect, if anyone: closed when there is nobody.
/// Errors: no more files may be open (infeasible).
[[nodiscard]] Result<Descriptor> accept_from(const Descriptor& listener);
[[nodiscard]] std::string peer_of(const Descriptor& socket);
/// Errors say why ("connection refused").
[[nodiscard]] Result<Descriptor> connect_to(const Address& address, Clock::time_point deadline);

/// A port of loopback that nobody else is given while this socket lives; a listener that may reuse
/// addresses can still take it.
[[nodiscard]] Result<Descriptor> hold_port();

}  // namespace hsap::world
