#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "hsap/cost.hpp"
#include "hsap/runtime.hpp"
#include "hsap/schedule.hpp"
#include "schedule/kinds.hpp"
#include "simulate/traffic/machine.hpp"

namespace hsap {

inline constexpr Index no_operation = ~Index{0};

/// What the engine asks about an operation, side by side: a thousand ranks that take turns visit
/// a thousand places of every array, so each array costs the engine a cache and TLB miss.
struct AgendaEntry {
  double issued_s = 0;  ///< by the host, which never waits
  double seconds = 0;   ///< kernel: alone on the device; exchange: packing what it sends
  double full_s = 0;    ///< kernel: part that fills the device; exchange: unpacking
  Range dependencies;   ///< into Schedule::dependencies
  Index next = 0;       ///< operation of the lane, or the end of the program
  std::uint8_t lane = 0;
  Kind kind = Kind::compute;

  [[nodiscard]] bool communicates() const { return hsap::communicates(kind); }
};

/// What each rank has to do, in its lanes: a lane is a queue that runs one operation at a time.
/// Lane 0 computes; each further stream of the schedule is a lane, or all of them are one.
struct Agenda {
  std::vector<AgendaEntry> entries;  ///< by operation
  std::vector<Index> first;          ///< by rank, then lane: first operation, or the program's end
  std::vector<Index> kernel_before;  ///< by operation, where streams are ordered: the last kernel
                                     ///< issued before, or no_operation
  std::vector<double> host_s;        ///< by rank: time the host spends issuing
  std::array<std::uint8_t, streams> lane_of{};  ///< by stream
  std::uint32_t lanes = 1;                      ///< of a rank

  [[nodiscard]] std::uint32_t ranks() const { return static_cast<std::uint32_t>(host_s.size()); }
};

/// Of the first `ranks` ranks. `kernels` by operation; those of exchanges and collectives are not
/// read.
[[nodiscard]] Agenda make_agenda(const Schedule& schedule, Rank ranks, const Machine& machine,
                                 const Runtime& runtime, std::span<const KernelTime> kernels);

}  // namespace hsap
