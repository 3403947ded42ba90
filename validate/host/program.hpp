#pragma once

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "hsap/execute.hpp"
#include "validate/host/collective.hpp"
#include "validate/host/kernels.hpp"
#include "validate/host/messages.hpp"
#include "validate/host/transport.hpp"

namespace hsap::host {

/// What one rank did.
struct RankRecord {
  std::vector<std::int64_t> bytes_sent;  ///< by receiver
  std::int64_t peak_buffer_bytes = 0;
  std::array<double, operation_kinds> kernel_s{};  ///< by Kind
};

/// Adds what the next rank did.
void append(const RankRecord& record, Execution& execution);

/// What a pass makes, not what it passes on: Ulysses saves q, k and v as well.
[[nodiscard]] bool is_result(const Buffer& buffer);

/// Gives the results of a pass their shape; what no rank writes stays NaN.
void make_room(const Schedule& schedule, Tensors& tensors);

/// Runs the program of one rank: its streams are queues, and whatever stands first in one and has
/// its dependencies complete goes on. Sums are of type T.
template <typename T>
class Program {
 public:
  Program(const Schedule& schedule, const BufferPlan& plan, const Meetings& meetings, Rank rank,
          Arithmetic arithmetic, Transport& transport);

  /// Fills the inputs from the tensors of the whole batch.
  void read_inputs(const Tensors& tensors);
  /// Runs to the end. Otherwise says how it ended; report() then tells what is waited for.
  [[nodiscard]] Transport::Wake run();
  /// Writes the rows of outputs and saved buffers. Ranks write places of their own.
  void write_results(Tensors& tensors);

  [[nodiscard]] std::string report() const;
  [[nodiscard]] RankRecord record() const;
  [[nodiscard]] bool done() const { return left_ == 0; }

 private:
  struct Queue {
    std::deque<Index> waiting;
    std::optional<Exchange<T>> exchange;      ///< of the first, once started
    std::optional<Collective<T>> collective;  ///< likewise
  };
  [[nodiscard]] bool ready(const Operation& op) const;
  /// Starts or continues the first operation of a queue. True when anything happened.
  bool advance(Queue& queue);
  bool communicate(Queue& queue, const Operation& op, bool& complete);
  void compute(const Operation& op);
  void attend_on(const Operation& op);
  void attend_backward_on(const Operation& op);

  const Schedule& schedule_;
  const Meetings& meetings_;
  Rank rank_;
  Memory memory_;
  Mail mail_;
  std::array<Queue, streams> queues_;
  std::vector<bool> complete_;  ///< by operation of this rank
  std::size_t left_ = 0;
  std::array<double, operation_kinds> kernel_s_{};
};

}  // namespace hsap::host
