#include "simgrid_ends.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <simgrid/s4u.hpp>
#include <string>

#include "support/simgrid_engine.hpp"

namespace hsap {
namespace {

namespace s4u = simgrid::s4u;

std::vector<s4u::LinkInRoute> links_in(const std::vector<s4u::Link*>& links,
                                       const std::vector<std::uint32_t>& route) {
  std::vector<s4u::LinkInRoute> found;
  for (const std::uint32_t link : route) found.emplace_back(links[link]);
  return found;
}

/// A zone with a host for each GPU and the fabric's routes.
std::vector<s4u::Host*> add_zone(s4u::NetZone* root, const Fabric& fabric,
                                 const std::string& name) {
  s4u::NetZone* zone = s4u::create_full_zone(name);
  zone->set_parent(root);
  std::vector<s4u::Link*> links;
  for (std::size_t i = 0; i < fabric.bandwidths.size(); ++i) {
    links.push_back(zone->create_link(name + "l" + std::to_string(i), fabric.bandwidths[i]));
    links.back()->set_latency(0)->seal();
  }
  std::vector<s4u::Host*> hosts;
  for (int i = 0; i < fabric.gpus; ++i) {
    hosts.push_back(zone->create_host(name + "g" + std::to_string(i), 1.0)->seal());
  }
  for (int from = 0; from < fabric.gpus; ++from) {
    for (int to = 0; to < fabric.gpus; ++to) {
      if (from == to) continue;
      zone->add_route(hosts[from]->get_netpoint(), hosts[to]->get_netpoint(), nullptr, nullptr,
                      links_in(links, fabric.routes[from * fabric.gpus + to]), false);
    }
  }
  zone->seal();
  return hosts;
}

/// Two actors for each transfer: only a message between actors has a rate it cannot exceed.
void add_transfers(const std::vector<s4u::Host*>& hosts, const Fabric& fabric,
                   const std::string& name, double* ends) {
  int box_number = 0;
  for (const Parcel& transfer : fabric.transfers) {
    s4u::Mailbox* box = s4u::Mailbox::by_name(name + "t" + std::to_string(box_number++));
    s4u::Actor::create("sender", hosts[transfer.from], [box, transfer] {
      s4u::this_actor::sleep_until(transfer.start_s);
      box->put_init(box, transfer.bytes)->set_rate(transfer.cap_bytes_per_s)->wait();
    });
    s4u::Actor::create("receiver", hosts[transfer.to], [box, end = ends++] {
      box->get<s4u::Mailbox>();
      *end = s4u::Engine::get_clock();
    });
  }
}

std::size_t count(std::span<const Fabric> fabrics) {
  std::size_t transfers = 0;
  for (const Fabric& fabric : fabrics) transfers += fabric.transfers.size();
  return transfers;
}

std::vector<double> run(std::span<const Fabric> fabrics) {
  constexpr int stack_kib = 64;
  const std::unique_ptr<s4u::Engine> engine = support::simgrid_engine(stack_kib);
  s4u::NetZone* root = s4u::create_empty_zone("root");
  std::vector<double> ends(count(fabrics), -1.0);
  double* next = ends.data();
  for (std::size_t i = 0; i < fabrics.size(); ++i) {
    const std::string name = "f" + std::to_string(i);
    const std::vector<s4u::Host*> hosts = add_zone(root, fabrics[i], name);
    add_transfers(hosts, fabrics[i], name, next);
    next += fabrics[i].transfers.size();
  }
  root->seal();
  engine->run();
  return ends;
}

bool write_all(int pipe, const std::vector<double>& numbers) {
  const char* data = reinterpret_cast<const char*>(numbers.data());
  for (std::size_t left = numbers.size() * sizeof(double); left > 0;) {
    const ssize_t wrote = write(pipe, data, left);
    if (wrote <= 0) return false;
    data += wrote;
    left -= static_cast<std::size_t>(wrote);
  }
  return true;
}

/// Reads until the numbers are full.
bool read_all(int pipe, std::vector<double>& numbers) {
  char* data = reinterpret_cast<char*>(numbers.data());
  for (std::size_t left = numbers.size() * sizeof(double); left > 0;) {
    const ssize_t got = read(pipe, data, left);
    if (got <= 0) return false;
    data += got;
    left -= static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace

std::vector<std::vector<double>> simgrid_ends(std::span<const Fabric> fabrics) {
  int pipes[2];
  if (pipe(pipes) != 0) return {};
  const pid_t child = fork();
  if (child < 0) return {};
  if (child == 0) {
    close(pipes[0]);
    _exit(write_all(pipes[1], run(fabrics)) ? 0 : 1);
  }
  close(pipes[1]);
  std::vector<double> ends(count(fabrics));
  const bool complete = read_all(pipes[0], ends);
  close(pipes[0]);
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0 || !complete) return {};
  std::vector<std::vector<double>> by_fabric;
  auto next = ends.begin();
  for (const Fabric& fabric : fabrics) {
    const auto size = static_cast<std::ptrdiff_t>(fabric.transfers.size());
    by_fabric.emplace_back(next, next + size);
    next += size;
  }
  return by_fabric;
}

}  // namespace hsap
