#include "validate/world/socket.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <future>
#include <memory>
#include <system_error>
#include <thread>

namespace hsap::world {
namespace {

std::string reason(int code) { return std::generic_category().message(code); }

Descriptor stream_socket(int family) {
  return Descriptor(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

void set_option(const Descriptor& socket, int level, int name, int value) {
  // The options only make things better: a system that lacks one still works.
  static_cast<void>(::setsockopt(socket.get(), level, name, &value, sizeof value));
}

const sockaddr* generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address.storage);
}
sockaddr* generic(Address& address) { return reinterpret_cast<sockaddr*>(&address.storage); }

Address copy_of(const sockaddr* from, socklen_t length) {
  Address address;
  std::memcpy(&address.storage, from, length);
  address.length = length;
  return address;
}

void set_port(Address& address, int port) {
  const auto value = htons(static_cast<std::uint16_t>(port));
  if (address.storage.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port = value;
  } else {
    reinterpret_cast<sockaddr_in&>(address.storage).sin_port = value;
  }
}

Address any_address(int family) {
  Address address;
  address.storage.ss_family = static_cast<sa_family_t>(family);
  address.length = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  return address;  // all zero is "any" in both families
}

struct Lookup {
  int code = 0;
  std::vector<Address> addresses;
};

Lookup look_up(const std::string& host, const std::string& port) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  Lookup found;
  found.code = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
  if (found.code != 0) return found;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    found.addresses.push_back(copy_of(each->ai_addr, each->ai_addrlen));
  }
  ::freeaddrinfo(list);
  return found;
}

Result<Descriptor> listen_on(Address address, int port) {
  set_port(address, port);
  Descriptor socket = stream_socket(address.storage.ss_family);
  if (socket.open()) {
    set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    if (address.storage.ss_family == AF_INET6) set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (::bind(socket.get(), generic(address), address.length) == 0 &&
        ::listen(socket.get(), SOMAXCONN) == 0) {
      return socket;
    }
  }
  const int code = errno;
  return bad_input("rank 0 cannot listen: " + reason(code), fmt::format("port {}", port),
                   "a free port, by MASTER_PORT or --rendezvous");
}

}  // namespace

int milliseconds_until(Clock::time_point when) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

void Descriptor::close() {
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

std::string Address::text() const {
  char host[NI_MAXHOST] = {};
  char port[NI_MAXSERV] = {};
  const int code = ::getnameinfo(generic(*this), length, host, sizeof host, port, sizeof port,
                                 NI_NUMERICHOST | NI_NUMERICSERV);
  if (code != 0) return "an unknown address";
  const bool brackets = storage.ss_family == AF_INET6;
  return fmt::format("{}{}{}:{}", brackets ? "[" : "", host, brackets ? "]" : "", port);
}

bool Address::loopback() const {
  if (storage.ss_family == AF_INET6) {
    const in6_addr& address = reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(&address);
  }
  constexpr std::uint32_t loopback_net = 127;
  return ntohl(reinterpret_cast<const sockaddr_in&>(storage).sin_addr.s_addr) >> 24 == loopback_net;
}

Result<std::vector<Address>> resolve(const std::string& host, int port,
                                     Clock::time_point deadline) {
  // The system's look-up has no time limit: a thread that nobody waits for sees it to its end.
  auto promise = std::make_shared<std::promise<Lookup>>();
  std::future<Lookup> future = promise->get_future();
  std::thread([promise, host, port] {
    promise->set_value(look_up(host, std::to_string(port)));
  }).detach();
  if (future.wait_until(deadline) != std::future_status::ready) {
    return bad_input("looking up rank 0 took too long", "'" + host + "'", "a name that is known");
  }
  Lookup found = future.get();
  if (found.code == 0) return std::move(found.addresses);
  return bad_input(std::string("cannot look up rank 0: ") + ::gai_strerror(found.code),
                   "'" + host + "'", "a name or address of the machine of rank 0");
}

std::vector<Address> own_addresses(int port) {
  std::vector<Address> addresses;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return addresses;
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    const int family = each->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    Address address = copy_of(each->ifa_addr, any_address(family).length);
    const in6_addr& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_addr;
    // Link-local addresses mean nothing without the name of an interface.
    if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&v6)) continue;
    set_port(address, port);
    addresses.push_back(address);
  }
  ::freeifaddrs(list);
  std::stable_partition(addresses.begin(), addresses.end(),
                        [](const Address& address) { return !address.loopback(); });
  return addresses;
}

bool is_own(std::span<const Address> addresses) {
  return std::any_of(addresses.begin(), addresses.end(), [](Address address) {
    const Descriptor socket = stream_socket(address.storage.ss_family);
    set_port(address, 0);
    return socket.open() && ::bind(socket.get(), generic(address), address.length) == 0;
  });
}

Result<Descriptor> listen_at(int port, const Address* loopback) {
  if (loopback != nullptr) return listen_on(*loopback, port);
  // One socket for both families where the system has the newer one.
  if (stream_socket(AF_INET6).open()) return listen_on(any_address(AF_INET6), port);
  return listen_on(any_address(AF_INET), port);
}

int port_of(const Descriptor& listener) {
  Address address;
  address.length = sizeof address.storage;
  if (::getsockname(listener.get(), generic(address), &address.length) != 0) return 0;
  return ntohs(address.storage.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address.storage).sin_port);
}

Result<Descriptor> accept_from(const Descriptor& listener) {
  Descriptor socket(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket.open() && (errno == EMFILE || errno == ENFILE)) {
    return infeasible("rank 0 may not open more connections: " + reason(errno) + " (ulimit -n)");
  }
  if (socket.open()) set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  return socket;
}

std::string peer_of(const Descriptor& socket) {
  Address address;
  address.length = sizeof address.storage;
  if (::getpeername(socket.get(), generic(address), &address.length) != 0) return "a stranger";
  return address.text();
}

Result<Descriptor> connect_to(const Address& address, Clock::time_point deadline) {
  Descriptor socket = stream_socket(address.storage.ss_family);
  if (!socket.open()) return infeasible(reason(errno));
  if (::connect(socket.get(), generic(address), address.length) != 0) {
    if (errno != EINPROGRESS) return infeasible(reason(errno));
    pollfd wait{socket.get(), POLLOUT, 0};
    int ready = 0;
    do {
      ready = ::poll(&wait, 1, milliseconds_until(deadline));
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) return infeasible("no answer");
    int code = 0;
    socklen_t length = sizeof code;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &code, &length);
    if (code != 0) return infeasible(reason(code));
  }
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  return socket;
}

Result<Descriptor> hold_port() {
  Address address = any_address(AF_INET);
  reinterpret_cast<sockaddr_in&>(address.storage).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Descriptor socket = stream_socket(AF_INET);
  set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (socket.open() && ::bind(socket.get(), generic(address), address.length) == 0) return socket;
  return infeasible("no free port on this machine: " + reason(errno));
}

}  // namespace hsap::world
