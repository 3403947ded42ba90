#pragma once

#include <boost/context/fiber.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "kernels/primitive/emulation/grid.hpp"
#include "kernels/primitive/emulation/warpgroup.hpp"

/// What the emulation knows of a running grid. Kernels see the primitives only.
namespace hsap::gpu::emulation {

class Block;
class Grid;
struct Thread;

/// Threads that wait for the same thing.
using Waiting = std::vector<Thread*>;

/// A place where threads meet; the last to come does what is to be done for all.
struct Meeting {
  std::vector<void*> payloads;
  const char* what = nullptr;
  int come = 0;
  Waiting waiting;
};

struct Mbarrier {
  int arrivals = 0;  ///< that end a phase
  int missing = 0;
  std::int64_t bytes = 0;  ///< announced and not copied yet
  int parity = 0;          ///< of the phase that is open
  Waiting waiting;
};

struct NamedBarrier {
  int come = 0;
  Waiting waiting;
};

/// Something the hardware will do at a time of its own. Done once, at that time or when waited for.
struct Deferred {
  std::function<void()> act;
  bool done = false;

  void finish() {
    if (!done) act();
    done = true;
  }
};
using DeferredHandle = std::shared_ptr<Deferred>;

/// Groups of deferred copies of one thread, oldest first; the last is open.
struct CopyGroups {
  std::deque<std::vector<DeferredHandle>> groups{1};

  void add(const DeferredHandle& copy) { groups.back().push_back(copy); }
  void commit() { groups.emplace_back(); }
  /// Finishes all but the latest `open` closed groups.
  void wait(std::size_t open);
};

struct Thread {
  boost::context::fiber fiber;
  boost::context::fiber scheduler;
  Block* block = nullptr;
  int index = 0;
  bool done = false;
  std::string waits_for;
  CopyGroups copies;                    ///< cp.async
  CopyGroups stores;                    ///< TMA stores
  std::vector<std::uint32_t> unfenced;  ///< granules of shared memory it wrote
};

class Block {
 public:
  Block(Grid& grid, int index, const Launch& launch);

  Grid& grid;
  const int index;
  std::vector<std::unique_ptr<Thread>> threads;
  std::vector<Meeting> warps;  ///< where the lanes of each warp meet
  std::vector<Meeting> warpgroup_meetings;
  std::vector<Warpgroup> warpgroups;
  std::map<std::uint32_t, Mbarrier> mbarriers;
  NamedBarrier named[16];     ///< 0 is sync_block's
  std::vector<bool> copying;  ///< per 16 bytes of shared memory: cp.async has yet to write them

  /// `bytes` bytes of shared memory, checked.
  std::byte* shared(std::uint32_t address, std::size_t bytes, const char* what);
  /// Notes a write by an ordinary store.
  void wrote(std::uint32_t address, std::size_t bytes);
  void fence_async();
  /// Reports a byte that the asynchronous proxy may not see yet.
  void check_fenced(std::uint32_t address, std::size_t bytes, const char* what);
  void barrier_progress(Mbarrier& barrier);

 private:
  std::vector<std::byte> memory_;
  std::vector<std::uint16_t> writer_;  ///< per 16 bytes: 1 + thread of an unfenced store, or 0
};

class Grid {
 public:
  explicit Grid(const Launch& launch)
      : launch_(launch), patience_(launch.seed % 3 == 0 ? 1u << 30 : 64), random_(launch.seed) {}

  Status run(const std::function<void()>& kernel);

  /// Ends the run with this report. Does not return.
  [[noreturn]] void fail(const std::string& report);
  void wait(Waiting& waiting, std::string_view what);
  void wake(Waiting& waiting);
  void defer(const DeferredHandle& deferred) { deferred_.push_back(deferred); }
  /// True once in `n` times, by chance.
  [[nodiscard]] bool sometimes(unsigned n) { return below(n) == 0; }
  [[nodiscard]] int blocks() const { return launch_.blocks; }

 private:
  void resume(Thread& thread);
  void finish_one();
  /// By chance, from 0 to n - 1. Without a division: it is asked at every step.
  [[nodiscard]] std::size_t below(std::size_t n) {
    return static_cast<std::size_t>((std::uint64_t{random_()} - 1) * n >> 31);
  }
  /// The ready thread to go on. For a while one warpgroup goes first, so that it gets far ahead of
  /// the others, and one thread of each block last, so that it may miss what was there for a time.
  [[nodiscard]] std::size_t choose();
  [[nodiscard]] std::string who_waits() const;

  Launch launch_;
  /// Deferred work is done once in so many turns by chance; for every third seed only when no
  /// thread can go on.
  unsigned patience_;
  int favoured_ = 0;
  int laggard_ = -1;         ///< thread of each block; none yet
  std::minstd_rand random_;  ///< from 1 to 2^31 - 2: cheap before good
  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<Thread*> ready_;
  std::vector<DeferredHandle> deferred_;
  std::string failure_;
};

/// The thread that runs now.
[[nodiscard]] Thread& current();

/// Meets the others of `meeting`; the last of `members` calls act(payloads), by member.
void meet(Meeting& meeting, int member, int members, void* payload, const char* what,
          const std::function<void(std::span<void* const>)>& act);

/// Meets the other lanes of this thread's warp.
void meet_warp(void* payload, const char* what,
               const std::function<void(std::span<void* const>)>& act);

}  // namespace hsap::gpu::emulation
