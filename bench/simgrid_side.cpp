#include <memory>
#include <simgrid/s4u.hpp>
#include <string>
#include <vector>

#include "scenarios.hpp"
#include "stopwatch.hpp"
#include "support/simgrid_engine.hpp"

namespace hsap::bench {
namespace {

namespace s4u = simgrid::s4u;

/// Small, as there is an actor for each rank.
constexpr int stack_kib = 32;

/// A host for each rank in a star: a link out of the given bandwidth and a link in.
std::vector<s4u::Host*> make_star(const std::vector<double>& out_bytes_per_s,
                                  double in_bytes_per_s) {
  s4u::NetZone* zone = s4u::create_star_zone("star");
  std::vector<s4u::Host*> hosts;
  for (const double bandwidth : out_bytes_per_s) {
    const std::string name = std::to_string(hosts.size());
    hosts.push_back(zone->create_host(name, 1.0)->seal());
    const auto* out = zone->create_link("out" + name, bandwidth)->set_latency(0)->seal();
    const auto* in = zone->create_link("in" + name, in_bytes_per_s)->set_latency(0)->seal();
    zone->add_route(hosts.back()->get_netpoint(), nullptr, nullptr, nullptr,
                    {s4u::LinkInRoute(out)}, false);
    zone->add_route(nullptr, hosts.back()->get_netpoint(), nullptr, nullptr, {s4u::LinkInRoute(in)},
                    false);
  }
  zone->seal();
  return hosts;
}

/// What one rank of the ring does. Hosts do one floating-point operation a second.
void pass_on(const Ring& ring, s4u::Mailbox* own, s4u::Mailbox* next) {
  s4u::Mailbox* received = nullptr;
  for (int step = 0; step < ring.ranks; ++step) {
    if (step + 1 == ring.ranks) {
      s4u::this_actor::execute(ring.kernel_s);
      return;
    }
    const s4u::CommPtr out = next->put_async(own, ring.message_bytes);
    const s4u::CommPtr in = own->get_async(&received);
    s4u::this_actor::execute(ring.kernel_s);
    out->wait();
    in->wait();
  }
}

Figures run(const s4u::Engine& engine, Stopwatch& watch) {
  Figures figures;
  figures.prepare_s = watch.lap();
  engine.run();
  figures.run_s = watch.lap();
  figures.simulated_s = s4u::Engine::get_clock();
  return figures;
}

}  // namespace

Figures run_simgrid(const Ring& ring) {
  Stopwatch watch;
  const std::unique_ptr<s4u::Engine> engine = support::simgrid_engine(stack_kib);
  std::vector<double> out;
  for (int rank = 0; rank < ring.ranks; ++rank) {
    const bool last_of_node = rank % ring_node == ring_node - 1;
    out.push_back(last_of_node ? nic_bytes_per_s : nvlink_bytes_per_s);
  }
  const std::vector<s4u::Host*> hosts = make_star(out, nvlink_bytes_per_s);
  for (int rank = 0; rank < ring.ranks; ++rank) {
    s4u::Mailbox* own = s4u::Mailbox::by_name(std::to_string(rank));
    s4u::Mailbox* next = s4u::Mailbox::by_name(std::to_string((rank + 1) % ring.ranks));
    s4u::Actor::create("rank", hosts[rank], [&ring, own, next] { pass_on(ring, own, next); });
  }
  return run(*engine, watch);
}

Figures run_simgrid(const AllToAll& scenario) {
  Stopwatch watch;
  const std::unique_ptr<s4u::Engine> engine = support::simgrid_engine(stack_kib);
  const int ranks = scenario.ranks;
  const std::vector<s4u::Host*> hosts =
      make_star(std::vector<double>(ranks, nic_bytes_per_s), nic_bytes_per_s);
  for (int from = 0; from < ranks; ++from) {
    s4u::Actor::create("rank", hosts[from], [&scenario, &hosts, from] {
      std::vector<s4u::CommPtr> sent;
      for (int to = 0; to < scenario.ranks; ++to) {
        if (from == to) continue;
        sent.push_back(s4u::Comm::sendto_async(hosts[from], hosts[to],
                                               rows_between(scenario, from, to) * row_bytes));
      }
      for (const s4u::CommPtr& comm : sent) comm->wait();
    });
  }
  return run(*engine, watch);
}

}  // namespace hsap::bench
