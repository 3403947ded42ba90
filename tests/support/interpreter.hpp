#pragma once

#include <map>
#include <optional>
#include <random>
#include <tuple>
#include <vector>

#include "hsap/schedule.hpp"
#include "support/dense.hpp"

namespace hsap::support {

/// Runs a schedule on real numbers (float64), one operation at a time in a random order that the
/// schedule allows. Shares no code with the verifier or the simulator, so that it can contradict
/// them. For small schedules: every row is looked up by token.
class Interpreter {
 public:
  Interpreter(const Schedule& schedule, const Dense& truth, std::uint64_t seed);

  /// True when every operation completed; false is a deadlock.
  bool run();
  /// Largest difference to the truth over the rows of output and saved buffers.
  [[nodiscard]] double worst_error() const;

 private:
  using Row = std::vector<double>;
  /// The k-th item of a channel on each of its sides.
  using Channel = std::tuple<Rank, Rank, Stream>;

  void fill_inputs();
  void match_transfers();
  void match_collectives();
  bool step(Rank rank, Stream stream);
  bool eligible(Index op) const;
  void execute(Index op);
  bool exchange(Index op);
  bool collective(Index op);
  void attend(const Operation& op);
  void attend_backward(const Operation& op);
  void delta(const Operation& op);
  void merge(const Operation& op);
  void move(const Transfer& from, const Transfer& to);
  void gather(const Operation& member, const std::vector<Index>& members);

  Row& row(Index buffer, Token token, int head);
  [[nodiscard]] std::vector<Token> tokens_of(std::span<const Interval> list) const;
  [[nodiscard]] std::vector<Token> rows_of_buffer(Index buffer) const;

  const Schedule& schedule_;
  const Dense& truth_;
  std::mt19937_64 random_;
  std::vector<std::map<std::pair<Token, int>, Row>> memory_;  ///< by buffer
  std::map<std::pair<Rank, Stream>, std::vector<Index>> queues_;
  std::map<std::pair<Rank, Stream>, std::size_t> heads_of_queues_;
  std::vector<bool> started_, done_;           ///< by operation
  std::vector<Index> partner_, owner_;         ///< by transfer: the other side, its operation
  std::vector<bool> moved_;                    ///< by transfer
  std::map<Index, std::vector<Index>> teams_;  ///< collective -> all its members
};

}  // namespace hsap::support
