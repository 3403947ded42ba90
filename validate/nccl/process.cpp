#include "validate/nccl/process.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <set>
#include <string>
#include <utility>

#include "validate/gpu/execute_in_world.hpp"

namespace hsap::nccl {
namespace {

/// Rank 0 compares with the truth on the host while the others wait.
constexpr double comparing_s = 3600;

std::string options_text(const ProcessOptions& options) {
  return fmt::format("kept {} max_sms {} max_ctas {} repeats {} graph {} results {}",
                     options.communication_sms, options.max_sms, options.max_ctas, options.repeats,
                     options.graph, options.gathers_results);
}

}  // namespace

Result<std::unique_ptr<Process>> Process::join(const world::Place& place,
                                               const std::string& plan_fingerprint,
                                               const ProcessOptions& options,
                                               const world::Limits& limits) {
  // What is missing here is told before anyone waits for this rank.
  HSAP_TRY(const int gpus, device::CudaDevice::count());
  const int gpu = place.local_rank % gpus;
  HSAP_TRY(const std::string address, device::CudaDevice::address(gpu));
  const world::Hello hello{address, plan_fingerprint, options_text(options)};
  HSAP_TRY(world::World world, world::World::join(place, hello, limits));
  std::unique_ptr<Process> process(new Process(std::move(world), options));
  process->gpu_ = gpu;
  process->share_gpus();
  return process;
}

/// NCCL refuses two ranks on one GPU of one host, and reads a host's name once. With a name for
/// each rank it takes them for machines of their own and uses the network: that of this machine.
void Process::share_gpus() {
  std::set<std::string> hosts;
  std::set<std::pair<std::string, std::string>> gpus;
  for (const world::Member& each : world_.members()) {
    hosts.insert(each.host);
    // All ranks must think the same, also those of a machine with GPUs enough.
    if (!gpus.emplace(each.host, each.hello.device).second) shares_gpus_ = true;
  }
  if (!shares_gpus_) return;
  const std::string& host = world_.members()[static_cast<std::size_t>(world_.rank())].host;
  ::setenv("NCCL_HOSTID", fmt::format("{}-{}", host, world_.rank()).c_str(), 1);
  if (hosts.size() == 1) ::setenv("NCCL_SOCKET_IFNAME", "lo", 0);
  ::setenv("NCCL_IB_DISABLE", "1", 1);
  ::setenv("NCCL_NVLS_ENABLE", "0", 1);
  ::setenv("NCCL_MNNVL_ENABLE", "0", 1);
}

bool Process::fills_nodes(int gpus_per_node) const {
  const std::vector<int> numbers = world::nodes_of(world_.members());
  std::set<int> filled;
  for (std::size_t rank = 0; rank < numbers.size(); ++rank) {
    const std::size_t place = rank % static_cast<std::size_t>(gpus_per_node);
    if (numbers[rank] != numbers[rank - place]) return false;
    if (place == 0 && !filled.insert(numbers[rank]).second) return false;
  }
  return true;
}

Result<Execution> Process::execute(const Schedule& schedule, Tensors& tensors,
                                   const ExecuteOptions& options) {
  device::CudaDevice::Options on_device;
  on_device.number = gpu_;
  on_device.max_sms = options_.max_sms;
  const int streams = executor::communicating_streams(schedule);
  const int kept = streams > 0 ? options_.communication_sms : 0;
  on_device.kept_sms = kept;
  // Of two that wait for the same room: the ranks that a message goes to wait for it as well.
  on_device.urgent_communication = true;
  auto made = device::NcclDevice::make(on_device);
  HSAP_CHECK(world_.agree(made ? Status() : Status(made.error())));
  device::CudaDevice& device = **made;
  const int share = kept > 0 ? executor::blocks_of_communicator(kept, streams) : 0;
  const device::NcclCommunicator::Options peers{options_.max_ctas > 0 ? options_.max_ctas : share,
                                                options.patience_s};
  // Where times mean nothing, results are those of other executors bit for bit.
  const auto at_once = shares_gpus_ ? executor::AtOnce::gathers : executor::AtOnce::all;
  executor::RankMachine machine{
      device,         world::nodes_of(world_.members()), {}, at_once, options_.repeats,
      options_.graph, options_.gathers_results};
  machine.communicators = {
      []() -> Result<std::string> {
        HSAP_TRY(const auto id, device::NcclCommunicator::make_id());
        return std::string(reinterpret_cast<const char*>(id.data()), id.size());
      },
      [&](std::string_view id, Rank rank,
          int ranks) -> Result<std::unique_ptr<device::Communicator>> {
        HSAP_TRY(auto communicator, device::NcclCommunicator::make(std::as_bytes(std::span(id)),
                                                                   rank, ranks, device, peers));
        return std::unique_ptr<device::Communicator>(std::move(communicator));
      }};
  HSAP_TRY(Execution execution,
           executor::execute_in_world(schedule, tensors, world_, machine, options));
  HSAP_TRY(const std::string version, device::NcclCommunicator::version());
  execution.setup.emplace_back("nccl", version);
  execution.setup.emplace_back(
      "multiprocessors of kernels",
      fmt::format("{} of {}", device.sms_of_kernels(), device.hardware().sms));
  if (peers.max_ctas > 0) {
    execution.setup.emplace_back("thread blocks of a communicator",
                                 fmt::format("at most {}", peers.max_ctas));
  }
  return execution;
}

Status Process::finish(const Status& own) {
  // After a loss there is nobody to agree with.
  if (world_.lost()) return own;
  HSAP_CHECK(world_.agree(own, comparing_s));
  return world_.finish();
}

}  // namespace hsap::nccl
