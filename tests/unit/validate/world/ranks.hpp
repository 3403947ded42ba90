#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "validate/world/world.hpp"

namespace hsap::world {

/// A port of this machine for the ranks of one test.
class Port {
 public:
  Port() : socket_(*hold_port()) {}
  [[nodiscard]] Rendezvous meet() const { return {{}, "127.0.0.1", port_of(socket_)}; }

 private:
  Descriptor socket_;
};

/// Ranks of a test are threads. Only what fails is to take long.
inline Limits patient() {
  Limits limits;
  limits.meet_s = 20;
  limits.fault_s = 0.3;
  limits.step_s = 20;
  limits.heartbeat_s = 0.05;
  limits.silence_s = 15;
  return limits;
}

inline Limits impatient(double meet_s = 0.4) {
  Limits limits = patient();
  limits.meet_s = meet_s;
  return limits;
}

inline Place place(int rank, int size, const Rendezvous& meet) {
  return {rank, size, rank, "host" + std::to_string(rank), meet};
}

/// Runs every rank on a thread and answers what each has to say.
inline std::vector<std::string> run_ranks(int ranks, const std::function<std::string(int)>& body) {
  std::vector<std::string> said(static_cast<std::size_t>(ranks));
  std::vector<std::thread> threads;
  threads.reserve(said.size());
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] { said[static_cast<std::size_t>(rank)] = body(rank); });
  }
  for (std::thread& thread : threads) thread.join();
  return said;
}

inline void check_all(const std::vector<std::string>& said, const std::string& text) {
  for (const std::string& each : said) CHECK(each == text);
}

template <typename T>
std::string told(const Result<T>& result) {
  if (result) return "fine";
  return std::string(result.error().kind == ErrorKind::infeasible ? "1: " : "2: ") +
         result.error().text();
}

}  // namespace hsap::world
