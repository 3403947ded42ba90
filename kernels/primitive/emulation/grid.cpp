#include "kernels/primitive/emulation/grid.hpp"

#include <boost/context/pooled_fixedsize_stack.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "kernels/primitive/emulation/block.hpp"

namespace hsap::gpu::emulation {
namespace {

constexpr std::size_t stack_bytes = std::size_t{256} << 10;
constexpr std::uint32_t granule = 16;

thread_local Thread* running = nullptr;

}  // namespace

Thread& current() { return *running; }

void CopyGroups::wait(std::size_t open) {
  while (groups.size() > open + 1) {
    for (const DeferredHandle& copy : groups.front()) copy->finish();
    groups.pop_front();
  }
}

Block::Block(Grid& owner, int block, const Launch& launch)
    : grid(owner),
      index(block),
      warps(static_cast<std::size_t>(launch.threads / warp_size)),
      warpgroup_meetings(static_cast<std::size_t>(launch.threads / warpgroup_size)),
      warpgroups(static_cast<std::size_t>(launch.threads / warpgroup_size)),
      copying(launch.shared_bytes / granule + 1, false),
      memory_(launch.shared_bytes, std::byte{0xff}),
      writer_(launch.shared_bytes / granule + 1, 0) {}

std::byte* Block::shared(std::uint32_t address, std::size_t bytes, const char* what) {
  if (address + bytes > memory_.size()) {
    grid.fail(std::string(what) + " of " + std::to_string(bytes) + " bytes at shared address " +
              std::to_string(address) + ", but the block has " + std::to_string(memory_.size()));
  }
  if (address % std::min<std::size_t>(bytes, 16) != 0) {
    grid.fail(std::string(what) + " at misaligned shared address " + std::to_string(address));
  }
  return memory_.data() + address;
}

void Block::wrote(std::uint32_t address, std::size_t bytes) {
  Thread& thread = current();
  for (std::size_t at = address / granule; at <= (address + bytes - 1) / granule; ++at) {
    writer_[at] = static_cast<std::uint16_t>(thread.index + 1);
    thread.unfenced.push_back(static_cast<std::uint32_t>(at));
  }
}

void Block::fence_async() {
  Thread& thread = current();
  for (const std::uint32_t at : thread.unfenced) {
    if (writer_[at] == thread.index + 1) writer_[at] = 0;
  }
  thread.unfenced.clear();
}

void Block::check_fenced(std::uint32_t address, std::size_t bytes, const char* what) {
  for (std::size_t at = address / granule; at <= (address + bytes - 1) / granule; ++at) {
    if (writer_[at] == 0) continue;
    grid.fail(std::string(what) + " reads shared address " + std::to_string(at * granule) +
              ", which thread " + std::to_string(writer_[at] - 1) +
              " wrote without fence_async_proxy");
  }
}

void Block::barrier_progress(Mbarrier& barrier) {
  if (barrier.missing > 0 || barrier.bytes != 0) return;
  barrier.missing = barrier.arrivals;
  barrier.parity ^= 1;
  grid.wake(barrier.waiting);
}

Status Grid::run(const std::function<void()>& kernel) {
  thread_local boost::context::pooled_fixedsize_stack stacks(stack_bytes);
  for (int index = 0; index < launch_.blocks; ++index) {
    Block& block = *blocks_.emplace_back(std::make_unique<Block>(*this, index, launch_));
    for (int i = 0; i < launch_.threads; ++i) {
      Thread& thread = *block.threads.emplace_back(std::make_unique<Thread>());
      thread.block = &block;
      thread.index = i;
      thread.fiber = boost::context::fiber(std::allocator_arg, stacks,
                                           [&kernel, &thread](boost::context::fiber&& scheduler) {
                                             thread.scheduler = std::move(scheduler);
                                             kernel();
                                             thread.done = true;
                                             return std::move(thread.scheduler);
                                           });
      ready_.push_back(&thread);
    }
  }
  std::size_t alive = ready_.size();
  while (alive > 0 && failure_.empty()) {
    if (!deferred_.empty() && (ready_.empty() || sometimes(patience_))) {
      finish_one();
    } else if (ready_.empty()) {
      return internal_error("no thread can go on: " + who_waits());
    } else {
      std::swap(ready_[choose()], ready_.back());
      Thread& thread = *ready_.back();
      ready_.pop_back();
      resume(thread);
      if (thread.done) --alive;
    }
  }
  while (failure_.empty() && !deferred_.empty()) finish_one();
  if (!failure_.empty()) return internal_error(failure_);
  return {};
}

std::size_t Grid::choose() {
  constexpr unsigned stretch = 2048;
  if (sometimes(stretch)) favoured_ = static_cast<int>(below(8));
  // Long enough for others to come round twice; often of the warp that feeds them, where one does.
  if (laggard_ < 0 || sometimes(4 * stretch)) {
    laggard_ = static_cast<int>(below(sometimes(2) ? warp_size : launch_.threads));
  }
  std::size_t at = 0;
  // A few draws are enough to find one of the favoured mostly.
  for (int draw = 0; draw < 8; ++draw) {
    at = below(ready_.size());
    if (ready_[at]->index / warpgroup_size == favoured_) break;
  }
  return ready_[at]->index == laggard_ ? (at + 1) % ready_.size() : at;
}

void Grid::resume(Thread& thread) {
  running = &thread;
  thread.fiber = std::move(thread.fiber).resume();
}

void Grid::finish_one() {
  std::swap(deferred_[below(deferred_.size())], deferred_.back());
  const DeferredHandle deferred = std::move(deferred_.back());
  deferred_.pop_back();
  deferred->finish();
}

void Grid::fail(const std::string& report) {
  Thread& thread = current();
  if (failure_.empty()) {
    failure_ = "block " + std::to_string(thread.block->index) + ", thread " +
               std::to_string(thread.index) + ": " + report;
  }
  for (;;) thread.scheduler = std::move(thread.scheduler).resume();
}

void Grid::wait(Waiting& waiting, std::string_view what) {
  Thread& thread = current();
  thread.waits_for = what;
  waiting.push_back(&thread);
  thread.scheduler = std::move(thread.scheduler).resume();
}

void Grid::wake(Waiting& waiting) {
  ready_.insert(ready_.end(), waiting.begin(), waiting.end());
  waiting.clear();
}

std::string Grid::who_waits() const {
  std::map<std::string, std::vector<int>> by_reason;
  for (const auto& block : blocks_) {
    for (const auto& thread : block->threads) {
      if (!thread->done) {
        by_reason["block " + std::to_string(block->index) + " " + thread->waits_for].push_back(
            thread->index);
      }
    }
  }
  std::string text;
  for (const auto& [reason, threads] : by_reason) {
    if (!text.empty()) text += "; ";
    text += std::to_string(threads.size()) + " threads from " + std::to_string(threads.front()) +
            " in " + reason;
  }
  return text;
}

void meet(Meeting& meeting, int member, int members, void* payload, const char* what,
          const std::function<void(std::span<void* const>)>& act) {
  Grid& grid = current().block->grid;
  if (meeting.come == 0) {
    meeting.what = what;
    meeting.payloads.assign(static_cast<std::size_t>(members), nullptr);
  }
  if (std::strcmp(meeting.what, what) != 0) {
    grid.fail(std::string("calls ") + what + " where others of its warp call " + meeting.what);
  }
  meeting.payloads[static_cast<std::size_t>(member)] = payload;
  if (++meeting.come < members) return grid.wait(meeting.waiting, what);
  meeting.come = 0;
  act(meeting.payloads);
  grid.wake(meeting.waiting);
}

void meet_warp(void* payload, const char* what,
               const std::function<void(std::span<void* const>)>& act) {
  const Thread& thread = current();
  meet(thread.block->warps[static_cast<std::size_t>(thread.index / warp_size)],
       thread.index % warp_size, warp_size, payload, what, act);
}

Status run(const Launch& launch, const std::function<void()>& kernel) {
  return Grid(launch).run(kernel);
}

}  // namespace hsap::gpu::emulation
