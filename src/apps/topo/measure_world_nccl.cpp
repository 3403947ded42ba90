#include <fmt/format.h>

#include <map>
#include <utility>

#include "apps/topo/measure_world.hpp"
#include "validate/device/nccl_communicator.hpp"
#include "validate/device/nccl_device.hpp"
#include "validate/gpu/communicators.hpp"
#include "validate/world/program.hpp"
#include "validate/world/spawn.hpp"

namespace hsap::apps {
namespace {

using device::NcclCommunicator;

/// Waits for rank 0, which measures alone, with time for its setup.
constexpr double setup_s = 120;

/// On the same GPU messages are copies, and kernels of others run in between.
Status own_gpus(const std::vector<world::Member>& members) {
  std::map<std::pair<std::string, std::string>, int> owners;
  for (const world::Member& each : members) {
    const auto [owner, found] = owners.try_emplace({each.host, each.hello.device}, each.rank);
    if (found) continue;
    return infeasible(
        fmt::format("every rank needs a GPU of its own: ranks {} and {} have {} of {}",
                    owner->second, each.rank, each.hello.device, each.host));
  }
  return {};
}

/// All together. What rank 0 finds out goes into `found`.
Status exchange(world::World& world, int gpu, const measure::Options& options,
                WorldMeasured& found) {
  // As in runs of hsap-validate: what is measured is what predictions then have of them.
  HSAP_TRY(const Runtime runtime, load_runtime("hsap"));
  NcclCommunicator::Options bounded;
  bounded.max_ctas = executor::blocks_of_communicator(runtime.communication_multiprocessors, 1);
  device::CudaDevice::Options on;
  on.number = gpu;
  on.urgent_communication = true;
  auto made = device::NcclDevice::make(on);
  HSAP_CHECK(world.agree(made ? Status() : Status(made.error())));
  std::string id;
  if (world.rank() == 0) {
    HSAP_TRY(const auto bytes, NcclCommunicator::make_id());
    id.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  HSAP_TRY(id, world.broadcast(id));
  auto peers = NcclCommunicator::make(std::as_bytes(std::span(id)), world.rank(), world.size(),
                                      **made, bounded);
  HSAP_CHECK(world.agree(peers ? Status() : Status(peers.error())));
  world.on_loss([&](const world::Loss&) { (*peers)->abort(); });
  const measure::Peer peer{world, **made, **peers, found.nodes};
  Status measured = [&]() -> Status {
    HSAP_TRY(found.interference, measure::measure_interference(peer, options));
    HSAP_TRY(found.rounds, measure::measure_rounds(peer, options));
    return {};
  }();
  // NCCL may still send what another receives: none ends its communicator before all are here.
  if (measured) measured = world.agree({});
  world.on_loss({});
  return measured;
}

}  // namespace

Result<std::optional<WorldMeasured>> measure_world(const WorldFlags& flags,
                                                   const std::vector<std::string>& command,
                                                   const measure::Options& options,
                                                   const Begin& begin) {
  const world::Environment environment = world::process_environment();
  HSAP_TRY(const int gpus, device::CudaDevice::count());
  if (flags.ranks > 1 && !world::is_spawned(environment)) {
    HSAP_CHECK(world::run_ranks(flags.ranks, command));
    return std::optional<WorldMeasured>();
  }
  HSAP_TRY(const world::Place place, world::find_own_place(environment, flags.rendezvous));
  // A launcher may show a process its own GPU alone, as number 0.
  const int gpu = place.local_rank % gpus;
  HSAP_TRY(const std::string address, device::CudaDevice::address(gpu));
  const world::Hello hello{address, "calibration", fmt::format("budget {} s", options.budget_s)};
  HSAP_TRY(world::World world, world::World::join(place, hello));
  HSAP_CHECK(own_gpus(world.members()));
  const bool speaks = world.rank() == 0;
  WorldMeasured out;
  out.nodes = world::nodes_of(world.members());
  measure::Options half = options;
  half.budget_s = options.budget_s / 2;
  Status own;
  if (speaks) {
    auto measured = measure_gpu(gpu, half, begin);
    if (measured) {
      out.device = *std::move(measured);
      if (out.device.failure) own = *out.device.failure;  // the GPU sends no messages then
    } else {
      own = measured.error();
    }
  }
  HSAP_CHECK(world.agree(own, half.budget_s + setup_s));
  if (!speaks) half.progress = [](const std::string&, std::size_t, std::size_t) {};
  const Status exchanged = exchange(world, gpu, half, out);
  // Others may wait in the middle of a round.
  if (!exchanged) world.fail(exchanged.error().text());
  if (world.lost()) return exchanged ? infeasible(world.lost()->text()) : exchanged.error();
  HSAP_CHECK(world.finish());
  if (!speaks) return std::optional<WorldMeasured>();
  return std::optional<WorldMeasured>(std::move(out));
}

}  // namespace hsap::apps
