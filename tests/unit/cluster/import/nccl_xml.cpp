#include "machines.hpp"

// Small files in the forms of public NCCL topologies. The expected numbers are worked out by hand
// from NCCL's rules: lanes x speed / 80 of PCIe, links x rate of NVLink, Mbit/s / 8000 of NICs.
namespace hsap {

using test::imported;
using test::links_of;
using test::named_by;
using test::Names;
using test::paths_of;
using test::warnings_of;

TEST_CASE("GPUs on NVSwitches, NICs of two ports, two-level Broadcom switches") {
  const topo::Imported machine = imported("nvswitch.xml");
  CHECK(machine.spec.name == "nvswitch");
  CHECK(machine.spec.device.name == "H100 SXM5 80GB");
  // 10 + 8 and 9 + 9 links of 20.6 GB/s; two ports of 200 Gbit/s, or one of 400.
  CHECK(links_of(machine.spec) == Names{"cpu0 cpu1 socket 22", "gpu0 nvswitch0 nvlink 370.8",
                                        "gpu0 pcie_switch0 pcie 48", "gpu1 nvswitch0 nvlink 370.8",
                                        "gpu1 pcie_switch1 pcie 48", "nic0 pcie_switch0 pcie 48",
                                        "nic1 pcie_switch1 pcie 48", "pcie_switch0 cpu0 pcie 48",
                                        "pcie_switch1 cpu1 pcie 48"});
  CHECK(machine.spec.curves[static_cast<int>(LinkClass::nic)].bandwidth_bytes_per_s == 50e9);
  CHECK(machine.spec.rails);
  CHECK(paths_of(machine, 0) == "X NVL PIX SYS");
  CHECK(machine.columns == Names{"gpu0", "gpu1", "nic0", "nic1"});
  // The bridge at 5 GT/s x16 would give 6 GB/s to a GPU of 48.
  CHECK(warnings_of(machine) == Names{"slow-bridge"});
  CHECK(named_by(machine, "slow-bridge") == Names{"0000:08:00.0"});
}

TEST_CASE("NVLinks between peers, of several widths") {
  const topo::Imported machine = imported("direct.xml");
  // 4 links of 20 GB/s; 8 or 7, of which the lower counts; GPU 3 has no NVLink and half a slot.
  CHECK(links_of(machine.spec) == Names{"gpu0 cpu0 pcie 24", "gpu0 gpu1 nvlink 80",
                                        "gpu0 gpu2 nvlink 140", "gpu1 cpu0 pcie 24",
                                        "gpu2 cpu0 pcie 24", "gpu3 cpu0 pcie 12"});
  CHECK(paths_of(machine, 1) == "NVL X NVB PHB");
  CHECK(warnings_of(machine) == Names{"slow-gpu-link", "uneven-nvlinks"});
  CHECK(machine.spec.max_nodes == 1);
  // One link here stands for the two that a message passes through a switch.
  CHECK(machine.spec.curves[static_cast<int>(LinkClass::nvlink)].latency_s == 2 * 6e-6);
}

TEST_CASE("PCIe only, one NIC for all GPUs; disks and slow NICs are left out") {
  const topo::Imported machine = imported("shared_nic.xml");
  CHECK(machine.spec.device.name == "L20 48GB");
  CHECK(links_of(machine.spec) == Names{"cpu0 cpu1 socket 10", "gpu0 pcie_switch0 pcie 24",
                                        "gpu1 pcie_switch0 pcie 24", "gpu2 pcie_switch1 pcie 24",
                                        "gpu3 pcie_switch1 pcie 24", "nic0 pcie_switch0 pcie 24",
                                        "pcie_switch0 cpu0 pcie 24", "pcie_switch1 cpu1 pcie 24"});
  CHECK(machine.spec.curves[static_cast<int>(LinkClass::nic)].bandwidth_bytes_per_s == 25e9);
  CHECK_FALSE(machine.spec.rails);
  CHECK(paths_of(machine, 2) == "SYS SYS X PIX SYS");
  CHECK(named_by(machine, "slow-nics") == Names{"eno1"});
}

TEST_CASE("A skeleton with four NICs at a switch and no GPUs") {
  const topo::Imported machine = imported("many_nics.xml");
  // One GPU is assumed at each switch; its four cards share its slot of Gen5 x16 and become one.
  CHECK(machine.spec.gpus_per_node() == 2);
  CHECK(links_of(machine.spec) == Names{"cpu0 cpu1 socket 22", "gpu0 pcie_switch0 pcie 48",
                                        "gpu1 pcie_switch1 pcie 48", "nic0 pcie_switch0 pcie 192",
                                        "nic1 pcie_switch1 pcie 192", "pcie_switch0 cpu0 pcie 48",
                                        "pcie_switch1 cpu1 pcie 48"});
  CHECK(machine.spec.curves[static_cast<int>(LinkClass::nic)].bandwidth_bytes_per_s == 50e9);
  CHECK(named_by(machine, "skeleton-gpus") == Names{"0000:45:00.0", "0000:89:00.0"});
  CHECK(named_by(machine, "nic-speed").size() == 8);
  CHECK(warnings_of(machine) == Names{"gpu-model", "nic-speed", "no-link-speed", "no-nvlinks",
                                      "skeleton", "skeleton-gpus"});
  topo::ImportOptions options;
  options.nic_bytes_per_s = 12.5e9;
  options.nvlinks = 18;
  const topo::Imported told = imported("many_nics.xml", options);
  CHECK(told.spec.curves[static_cast<int>(LinkClass::nic)].bandwidth_bytes_per_s == 50e9);
  CHECK(paths_of(told, 0) == "X NVL PIX SYS");
  CHECK(warnings_of(told) == Names{"gpu-model", "no-link-speed", "skeleton", "skeleton-gpus"});
}

TEST_CASE("A skeleton of bare leaves") {
  const topo::Imported machine = imported("bare_leaves.xml");
  // Two leaves at the poorer CPU: two GPUs at each, and what remains is a NIC.
  CHECK(paths_of(machine, 0) == "X PHB SYS SYS SYS");
  CHECK(paths_of(machine, 3) == "SYS SYS PHB X PHB");
  CHECK(machine.origins.back().part == "0000:00:15.0");
  topo::ImportOptions options;
  options.sm = 86;
  CHECK(warnings_of(imported("bare_leaves.xml", options)) == Names{"gpu-constants", "nic-speed",
                                                                   "no-link-speed", "no-nvlinks",
                                                                   "skeleton", "skeleton-classes"});
}

TEST_CASE("A virtual machine: no speeds, NVLinks to themselves, a virtual NIC") {
  const topo::Imported machine = imported("virtual_machine.xml");
  CHECK(links_of(machine.spec) == Names{"cpu0 cpu1 socket 16", "gpu0 cpu0 pcie 24",
                                        "gpu1 cpu1 pcie 24", "nic0 cpu0 pcie 24"});
  CHECK(warnings_of(machine) == Names{"gpu-constants", "no-link-speed", "nvlink-to-self"});
  CHECK(named_by(machine, "no-link-speed") == Names{"0001:00:00.0", "0002:00:00.0"});
  CHECK(machine.spec.device.name == "A100 PCIe 80GB");
}

TEST_CASE("Classes without GPUs' own numbers: devices are numbered by bus id") {
  const topo::Imported machine = imported("classes_only.xml");
  CHECK(machine.origins[0].part == "0001:00:00.0");
  CHECK(machine.origins[0].joined_to == "pcie_switch1");
  CHECK(paths_of(machine, 0) == "X NVL NVL NVL PIX PIX SYS SYS");
  CHECK(warnings_of(machine) == Names{"gpu-model", "nic-speed", "no-nvlinks", "skeleton"});
  CHECK(machine.spec.rails);
}

TEST_CASE("C2C beside PCIe, and two hosts in one NVLink domain") {
  const topo::Imported machine = imported("grace.xml");
  // 10 x 44.712 GB/s to the CPU; 18 x 40.1 of NVLink; no link between the CPUs of two hosts.
  CHECK(links_of(machine.spec) == Names{"gpu0 cpu0 pcie 447.12", "gpu0 nvswitch0 nvlink 721.8",
                                        "gpu1 cpu0 pcie 447.12", "gpu1 nvswitch0 nvlink 721.8",
                                        "gpu2 cpu1 pcie 447.12", "gpu2 nvswitch0 nvlink 721.8",
                                        "gpu3 cpu1 pcie 447.12", "gpu3 nvswitch0 nvlink 721.8",
                                        "nic0 cpu0 pcie 48", "nic1 cpu1 pcie 48"});
  CHECK(paths_of(machine, 3) == "NVL NVL NVL X SYS P2C");
  CHECK(machine.warnings.empty());
}

TEST_CASE("Two hosts in one file may use the same bus ids, and NVLink peers stay on their host") {
  const auto host = [](const std::string& hash) {
    const auto gpu = [](const char* busid, int dev, const char* peer) {
      return "<pci busid=\"" + std::string(busid) + "\" class=\"0x0302\"><gpu dev=\"" +
             std::to_string(dev) + "\" sm=\"80\"><nvlink target=\"" + peer +
             "\" count=\"12\" tclass=\"0x0302\"/></gpu></pci>";
    };
    return "<cpu host_hash=\"" + hash + "\" numaid=\"0\">" + gpu("a", 0, "b") + gpu("b", 1, "a") +
           "<pci busid=\"n\" class=\"0x02\"><nic><net speed=\"200000\"/></nic></pci></cpu>";
  };
  const auto one = topo::import_text("<system version=\"1\">" + host("0x1") + "</system>", "m", {});
  REQUIRE(one);
  CHECK(links_of(one->spec) == Names{"gpu0 cpu0 pcie 24", "gpu0 gpu1 nvlink 240",
                                     "gpu1 cpu0 pcie 24", "nic0 cpu0 pcie 24"});
  // Nothing joins the hosts inside what would be one node.
  const auto two = topo::import_text(
      "<system version=\"1\">" + host("0x1") + host("0x2") + "</system>", "m", {});
  REQUIRE_FALSE(two);
  CHECK(two.error().message == "disconnected graph");
  CHECK(two.error().found == "no way from gpu0 to gpu2");
}

TEST_CASE("Bridges are lifted to what is below them once that is filled in and checked") {
  const auto of = [](const std::string& bridge_speed, const std::string& gpu_speed) {
    const std::string x16 = "\" link_width=\"16\"";
    const auto result = topo::import_text(
        "<system version=\"1\"><cpu numaid=\"0\"><pci busid=\"b\" class=\"0x0604\" link_speed=\"" +
            bridge_speed + x16 + "><pci busid=\"g\" class=\"0x0302\" link_speed=\"" + gpu_speed +
            x16 + "><gpu dev=\"0\" sm=\"80\"/></pci></pci></cpu></system>",
        "m", {});
    REQUIRE(result);
    return *result;
  };
  // The GPU says no speed: 24 GB/s, and the bridge of 12 would be in its way.
  const topo::Imported silent = of("8.0 GT/s", "");
  CHECK(links_of(silent.spec) == Names{"gpu0 pcie_switch0 pcie 24", "pcie_switch0 cpu0 pcie 24"});
  CHECK(warnings_of(silent) == Names{"no-link-speed", "slow-bridge"});
  // No GPU of this kind does 48 GB/s, so its bridge of 24 is no slower.
  const topo::Imported boast = of("16.0 GT/s", "32.0 GT/s");
  CHECK(links_of(boast.spec) == Names{"gpu0 pcie_switch0 pcie 24", "pcie_switch0 cpu0 pcie 24"});
  CHECK(warnings_of(boast) == Names{"fast-gpu-link"});
}

TEST_CASE("Stray text, missing GPUs, wrong speeds") {
  const topo::Imported machine = imported("partial_dump.xml");
  CHECK(machine.spec.gpus_per_node() == 2);
  CHECK(links_of(machine.spec) == Names{"gpu0 cpu0 pcie 12", "gpu0 gpu1 nvlink 40",
                                        "gpu1 cpu0 pcie 12", "nic0 cpu0 pcie 12"});
  CHECK(warnings_of(machine) == Names{"fast-gpu-link", "gpu-constants", "missing-gpus", "nic-speed",
                                      "no-link-width", "stray-text", "unknown-element"});
  CHECK(named_by(machine, "missing-gpus") == Names{"0000:0a:00.0", "dev 1"});
  CHECK(named_by(machine, "stray-text") == Names{"line 3"});
}

TEST_CASE("Options fill in what a file leaves open, and cannot contradict it") {
  topo::ImportOptions options;
  options.sm = 80;
  const auto wrong = topo::import_topology(std::string(HSAP_MACHINES) + "/nvswitch.xml", options);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().message == "--sm contradicts the file");
  CHECK(wrong.error().position == "line 5");
  options.nvlinks = 8;
  options.like = "a800";
  options.name = "mine";
  options.nodes = 4;
  const topo::Imported told = imported("classes_only.xml", options);
  CHECK(told.spec.name == "mine");
  CHECK(told.spec.device.name == "A800 SXM4 80GB");
  CHECK(told.spec.max_nodes == 4);
  CHECK(told.spec.curves[static_cast<int>(LinkClass::nvlink)].bandwidth_bytes_per_s == 160e9);
  // Its PCIe is faster than an A800 can be, so it is taken down.
  CHECK(warnings_of(told) == Names{"fast-gpu-link", "nic-speed", "skeleton"});
}

TEST_CASE("Every machine makes a cluster of several nodes where it has NICs") {
  for (const char* file :
       {"nvswitch.xml", "shared_nic.xml", "many_nics.xml", "bare_leaves.xml", "virtual_machine.xml",
        "classes_only.xml", "grace.xml", "partial_dump.xml", "switched.txt", "pcie.txt"}) {
    INFO(file);
    const topo::Imported machine = imported(file);
    const Result<Cluster> cluster = Cluster::build(machine.spec, 3);
    REQUIRE(cluster);
    const Route route = cluster->route(0, cluster->gpus() - 1);
    CHECK(route.inter_node);
    CHECK(route.bandwidth_bytes_per_s <=
          machine.spec.curves[static_cast<int>(LinkClass::nic)].bandwidth_bytes_per_s);
    // A lender's message between nodes takes 15 to 30 us; depth of the tree must not change that.
    CHECK(route.latency_s > 10e-6);
    CHECK(route.latency_s < 60e-6);
  }
}

}  // namespace hsap
