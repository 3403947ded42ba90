#pragma once

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <cstddef>

namespace hsap::cli {

/// Calls work(0) ... work(count - 1) on `threads` threads (0: one per core) and returns when all
/// are done. The calls must not depend on each other; their order is open.
template <typename Work>
void parallel_for(int threads, std::size_t count, const Work& work) {
  const int workers = threads > 0 ? threads : tbb::info::default_concurrency();
  // Without this TBB refuses more threads than cores, and says so on stderr.
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                  static_cast<std::size_t>(workers));
  tbb::task_arena arena(workers);
  arena.execute([&] { tbb::parallel_for(std::size_t{0}, count, work); });
}

}  // namespace hsap::cli
