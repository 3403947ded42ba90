#include <fmt/format.h>

#include "machines.hpp"

// Which NICs a cluster keeps and what they send, on machines of one switch or two.
namespace hsap {
namespace {

using test::links_of;
using test::named_by;
using test::Names;
using test::warnings_of;

std::string pci(const std::string& busid, const std::string& pci_class, const std::string& inside) {
  return fmt::format(
      "<pci busid=\"{}\" class=\"{}\" link_speed=\"16.0 GT/s PCIe\" link_width=\"16\">{}</pci>\n",
      busid, pci_class, inside);
}

std::string gpu(int dev) {
  return pci(fmt::format("a{}", dev), "0x030200", fmt::format("<gpu dev=\"{}\" sm=\"80\"/>", dev));
}

std::string nic(int dev, int mbits) {
  return pci(
      fmt::format("b{}", dev), "0x020700",
      fmt::format("<nic><net name=\"n{}\" dev=\"{}\" speed=\"{}\"/></nic>", dev, dev, mbits));
}

std::string cpu(int numa, const std::string& inside) {
  return fmt::format("<cpu numaid=\"{}\" vendor=\"AuthenticAMD\">{}</cpu>", numa, inside);
}

std::string at_switch(const std::string& name, const std::string& inside) {
  return pci(name, "0x060400", inside);
}

topo::Imported of(const std::string& cpus, const topo::ImportOptions& options = {}) {
  const auto result =
      topo::import_text("<system version=\"1\">" + cpus + "</system>", "m", options);
  INFO((result ? "" : result.error().text()));
  REQUIRE(result);
  return *result;
}

Names nics_of(const topo::Imported& machine) {
  Names out;
  for (std::size_t i = 0; i < machine.origins.size(); ++i) {
    if (machine.spec.devices[i].kind == ClusterSpec::DeviceKind::nic) {
      out.push_back(machine.origins[i].part);
    }
  }
  return out;
}

double rate_of(const topo::Imported& machine) {
  return machine.spec.curves[static_cast<int>(LinkClass::nic)].bandwidth_bytes_per_s;
}

}  // namespace

TEST_CASE("A NIC for each GPU at a switch: all stay apart") {
  const topo::Imported machine =
      of(cpu(0, at_switch("s", gpu(0) + gpu(1) + nic(0, 200000) + nic(1, 200000))));
  CHECK(nics_of(machine) == Names{"b0 n0", "b1 n1"});
  CHECK(rate_of(machine) == 25e9);
  CHECK(machine.warnings.empty());
}

TEST_CASE("Twice as many NICs as GPUs at a switch become one for each GPU") {
  const topo::Imported machine =
      of(cpu(0, at_switch("s", gpu(0) + gpu(1) + nic(0, 100000) + nic(1, 100000) + nic(2, 100000) +
                                   nic(3, 100000))));
  CHECK(nics_of(machine) == Names{"b0+b1 n0+n1", "b2+b3 n2+n3"});
  CHECK(rate_of(machine) == 25e9);
}

TEST_CASE("NICs that cannot be dealt evenly are left out") {
  const topo::Imported machine = of(
      cpu(0, at_switch("s", gpu(0) + gpu(1) + nic(0, 100000) + nic(1, 100000) + nic(2, 100000))));
  CHECK(nics_of(machine) == Names{"b0 n0", "b1 n1"});
  CHECK(named_by(machine, "spare-nics") == Names{"n2"});
}

TEST_CASE("Slow and far NICs are left out, with the switches and CPUs that held them") {
  const topo::Imported machine =
      of(cpu(0, at_switch("s", gpu(0) + nic(0, 200000)) + nic(1, 25000)) +
         cpu(1, at_switch("t", gpu(1) + nic(2, 200000))) + cpu(2, at_switch("u", nic(3, 200000))));
  CHECK(nics_of(machine) == Names{"b0 n0", "b2 n2"});
  CHECK(named_by(machine, "slow-nics") == Names{"n1"});
  CHECK(named_by(machine, "far-nics") == Names{"n3"});
  CHECK(machine.spec.devices.size() == 2 + 2 + 2 + 2);
  CHECK(warnings_of(machine) == Names{"far-nics", "slow-nics"});
}

TEST_CASE("NICs of two rates are taken down to the slower") {
  const topo::Imported machine = of(cpu(0, at_switch("s", gpu(0) + nic(0, 200000))) +
                                    cpu(1, at_switch("t", gpu(1) + nic(1, 100000))));
  CHECK(rate_of(machine) == 12.5e9);
  CHECK(named_by(machine, "uneven-nics") == Names{"n0"});
}

TEST_CASE("Functions of one card are one NIC in one slot") {
  const auto function = [](const char* busid, int dev, int mbits) {
    return pci(
        busid, "0x020700",
        fmt::format("<nic><net name=\"n{}\" dev=\"{}\" speed=\"{}\"/></nic>", dev, dev, mbits));
  };
  const std::string card = function("0c:00.0", 2, 100000) + function("0c:00.1", 0, 100000);
  const topo::Imported machine =
      of(cpu(0, at_switch("s", gpu(0) + card)) +
         cpu(1, at_switch("t", gpu(1) + gpu(2) + function("0d:00.0", 1, 200000))));
  CHECK(nics_of(machine) == Names{"0c:00.0+0c:00.1 n2+n0", "0d:00.0 n1"});
  CHECK(rate_of(machine) == 25e9);
  const Names links = links_of(machine.spec);
  CHECK(std::count(links.begin(), links.end(), "nic0 pcie_switch0 pcie 24") == 1);
  CHECK(machine.warnings.empty());
  // Two slots of one bus, and a function whose port is down.
  const topo::Imported slots =
      of(cpu(0, at_switch("s", gpu(0) + gpu(1) + function("0c:00.0", 0, 200000) +
                                   function("0c:01.0", 1, 200000) + function("0c:01.1", 2, 0))));
  CHECK(nics_of(slots) == Names{"0c:00.0 n0", "0c:01.0+0c:01.1 n1+n2"});
  CHECK(rate_of(slots) == 25e9);
}

TEST_CASE("Rails are assumed where each NIC serves as many GPUs, not where numbers divide") {
  topo::ImportOptions options;
  options.nvlinks = 12;
  const auto network = [&](const std::string& cpus) {
    const topo::Imported machine = of(cpus, options);
    for (const topo::Reason& reason : machine.reasons) {
      if (reason.what == "network") return machine.spec.rails ? "rails" : reason.why;
    }
    return std::string("no reason");
  };
  const std::string uneven = "assumed: NICs do not serve equally many GPUs over NVLink";
  CHECK(network(cpu(0, at_switch("s", gpu(0) + gpu(1) + gpu(2) + nic(0, 200000))) +
                cpu(1, at_switch("t", gpu(3) + nic(1, 200000)))) == uneven);
  CHECK(network(cpu(0, at_switch("s", gpu(0) + gpu(1) + nic(0, 200000))) +
                cpu(1, at_switch("t", gpu(2) + gpu(3) + nic(1, 200000)))) == "rails");
  CHECK(network(cpu(0, at_switch("s", gpu(0) + gpu(1) + nic(0, 200000) + nic(1, 200000)))) ==
        "rails");
}

TEST_CASE("A card faster than its slot is told, and kept") {
  const topo::Imported machine = of(cpu(0, at_switch("s", gpu(0) + nic(0, 400000))));
  CHECK(rate_of(machine) == 50e9);
  CHECK(named_by(machine, "narrow-slot") == Names{"n0"});
  const Result<Cluster> cluster = Cluster::build(machine.spec, 2);
  REQUIRE(cluster);
  CHECK(cluster->route(0, 1).bandwidth_bytes_per_s == 24e9);
}

TEST_CASE("Cards without a speed share the slot of their GPU; the flag overrules all") {
  const std::string two = cpu(0, at_switch("s", gpu(0) + nic(0, 0) + nic(1, -1)));
  CHECK(rate_of(of(two)) == 25e9);
  CHECK(named_by(of(two), "nic-speed") == Names{"n0", "n1"});
  topo::ImportOptions options;
  options.nic_bytes_per_s = 5e9;
  CHECK(rate_of(of(two, options)) == 10e9);
  CHECK(of(two, options).warnings.empty());
}

TEST_CASE("Leaves without a class beside known GPUs, and GPUs of two kinds") {
  const topo::Imported machine =
      of(cpu(0, gpu(0) + "<pci busid=\"x\"/>" + pci("y", "0x0302", "<gpu dev=\"1\" sm=\"90\"/>")));
  CHECK(machine.spec.gpus_per_node() == 2);
  CHECK(named_by(machine, "skeleton-leaves") == Names{"x"});
  CHECK(warnings_of(machine) == Names{"mixed-gpus", "skeleton-leaves"});
}

}  // namespace hsap
