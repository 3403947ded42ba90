#include "simulate/traffic/agenda.hpp"

#include <utility>

#include "simulate/traffic/packing.hpp"
#include "simulate/traffic/symmetry.hpp"

namespace hsap {
namespace {

class AgendaMaker {
 public:
  AgendaMaker(const Schedule& schedule, Rank ranks, const Machine& machine, const Runtime& runtime,
              std::span<const KernelTime> kernels)
      : schedule_(schedule),
        programs_(std::span(schedule.programs).first(static_cast<std::size_t>(ranks))),
        machine_(machine),
        runtime_(runtime),
        kernels_(kernels) {
    agenda_.entries.resize(operations_of(schedule, ranks));
  }

  Agenda make() {
    find_lanes();
    for (const Range& program : programs_) {
      issue(program);
      chain(program);
    }
    if (runtime_.stream_ordered) order_streams();
    return std::move(agenda_);
  }

 private:
  /// Lanes in the order of the streams; a stream without operations gets none.
  void find_lanes() {
    std::array<bool, streams> used{};
    for (const Range& program : programs_) {
      for (Index i = program.first; i < program.first + program.count; ++i) {
        used[static_cast<std::size_t>(schedule_.operations[i].stream)] = true;
      }
    }
    for (std::size_t stream = 1; stream < used.size(); ++stream) {
      if (!used[stream]) continue;
      agenda_.lane_of[stream] =
          static_cast<std::uint8_t>(runtime_.one_communication_stream ? 1 : agenda_.lanes);
      agenda_.lanes = agenda_.lane_of[stream] + 1u;
    }
  }

  /// The host never waits for the device, so the moments of issue are known beforehand.
  void issue(const Range& program) {
    double issued = 0;
    for (Index i = program.first; i < program.first + program.count; ++i) {
      const Operation& op = schedule_.operations[i];
      AgendaEntry& entry = agenda_.entries[i];
      issued += host_cost_s(op);
      entry.issued_s = issued;
      entry.dependencies = op.dependencies;
      entry.lane = agenda_.lane_of[static_cast<std::size_t>(op.stream)];
      entry.kind = op.kind;
      if (op.kind == Kind::exchange) {
        entry.seconds = packing_s(op, Direction::send);
        entry.full_s = packing_s(op, Direction::receive);
      } else if (!entry.communicates()) {
        entry.seconds = kernels_[i].seconds;
        entry.full_s = kernels_[i].full_s;
      }
    }
    agenda_.host_s.push_back(issued);
  }

  /// Links the operations of each lane, from the last one to the first.
  void chain(const Range& program) {
    const Index end = program.first + program.count;
    std::array<Index, streams> next;
    next.fill(end);
    for (Index i = end; i-- > program.first;) {
      AgendaEntry& entry = agenda_.entries[i];
      entry.next = std::exchange(next[entry.lane], i);
    }
    agenda_.first.insert(agenda_.first.end(), next.begin(), next.begin() + agenda_.lanes);
  }

  void order_streams() {
    agenda_.kernel_before.assign(agenda_.entries.size(), no_operation);
    for (const Range& program : programs_) {
      Index last = no_operation;
      for (Index op = program.first; op < program.first + program.count; ++op) {
        agenda_.kernel_before[op] = last;
        if (agenda_.entries[op].lane == 0) last = op;
      }
    }
  }

  [[nodiscard]] double host_cost_s(const Operation& op) const {
    switch (op.kind) {
      case Kind::exchange:
        return runtime_.host_exchange_s + op.payload.count * runtime_.host_transfer_s;
      case Kind::all_gather:
      case Kind::reduce_scatter:
        return runtime_.host_exchange_s;
      default:
        return runtime_.host_launch_s;
    }
  }

  [[nodiscard]] double packing_s(const Operation& op, Direction direction) const {
    if (!runtime_.packs_transfers) return 0;
    const double bytes = static_cast<double>(packed_bytes(schedule_, op, direction));
    return 2 * bytes / machine_.memory_bandwidth_bytes_per_s;
  }

  const Schedule& schedule_;
  std::span<const Range> programs_;
  const Machine& machine_;
  const Runtime& runtime_;
  std::span<const KernelTime> kernels_;
  Agenda agenda_;
};

}  // namespace

Agenda make_agenda(const Schedule& schedule, Rank ranks, const Machine& machine,
                   const Runtime& runtime, std::span<const KernelTime> kernels) {
  return AgendaMaker(schedule, ranks, machine, runtime, kernels).make();
}

}  // namespace hsap
