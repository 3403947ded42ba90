// Two readers, one machine: random trees are written both as NCCL's XML and as the table of
// nvidia-smi, and both imports must find the same paths, which are also worked out from the places
// that were drawn.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <random>

#include "cluster/import/import.hpp"

using namespace hsap;

namespace {

/// Where a device sits. A tower of several switches has an upper one that joins them.
struct Place {
  bool gpu = false;
  int socket = 0;
  int tower = -1;  ///< of the socket; -1 straight below the CPU
  int bridge = 0;  ///< of the tower
};

struct Machine {
  std::vector<Place> devices;             ///< GPUs first
  std::vector<std::vector<int>> bridges;  ///< switches of each tower, by socket
};

Machine random_machine(std::mt19937_64& random) {
  const auto pick = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
  };
  Machine machine;
  const int sockets = pick(1, 3);
  for (int s = 0; s < sockets; ++s) {
    machine.bridges.emplace_back();
    for (int t = pick(0, 2); t > 0; --t) machine.bridges.back().push_back(pick(1, 3));
  }
  std::vector<Place> nics;
  const auto add = [&](Place place) {
    // The first device of all is a GPU, so that there is one.
    place.gpu = machine.devices.empty() || pick(0, 2) > 0;
    (place.gpu ? machine.devices : nics).push_back(place);
  };
  for (int s = 0; s < sockets; ++s) {
    for (int lone = pick(s == 0 ? 1 : 0, 2); lone > 0; --lone) add({false, s, -1, 0});
    for (std::size_t t = 0; t < machine.bridges[static_cast<std::size_t>(s)].size(); ++t) {
      const int bridges = machine.bridges[static_cast<std::size_t>(s)][t];
      // One device at a lone switch would look as if it sat below the CPU.
      for (int b = 0; b < bridges; ++b) {
        for (int n = pick(bridges == 1 ? 2 : 1, 3); n > 0; --n)
          add({false, s, static_cast<int>(t), b});
      }
    }
  }
  machine.devices.insert(machine.devices.end(), nics.begin(), nics.end());
  return machine;
}

std::string path_of(const Place& a, const Place& b) {
  if (a.socket != b.socket) return "SYS";
  if (a.tower != b.tower || a.tower < 0) return "PHB";
  return a.bridge == b.bridge ? "PIX" : "PXB";
}

std::size_t gpus_of(const Machine& machine) {
  return static_cast<std::size_t>(std::count_if(machine.devices.begin(), machine.devices.end(),
                                                [](const Place& place) { return place.gpu; }));
}

std::string name_of(const Machine& machine, std::size_t device) {
  const std::size_t gpus = gpus_of(machine);
  return device < gpus ? fmt::format("GPU{}", device) : fmt::format("NIC{}", device - gpus);
}

std::string pci(const std::string& name, const std::string& rest) {
  return fmt::format("<pci busid=\"{}\" link_speed=\"16.0 GT/s PCIe\" link_width=\"16\" {}", name,
                     rest);
}

/// The devices at one place.
std::string leaves(const Machine& machine, int socket, int tower, int bridge) {
  std::string out;
  for (std::size_t i = 0; i < machine.devices.size(); ++i) {
    const Place& place = machine.devices[i];
    if (place.socket != socket || place.tower != tower || place.bridge != bridge) continue;
    const std::string name = name_of(machine, i);
    const std::string number = name.substr(3);
    out +=
        place.gpu
            ? pci(name, fmt::format("class=\"0x0302\"><gpu dev=\"{}\" sm=\"80\"/></pci>\n", number))
            : pci(name, fmt::format("class=\"0x0200\"><nic><net dev=\"{}\" "
                                    "speed=\"200000\"/></nic></pci>\n",
                                    number));
  }
  return out;
}

std::string as_xml(const Machine& machine) {
  std::string out = "<system version=\"1\">\n";
  for (int s = 0; s < static_cast<int>(machine.bridges.size()); ++s) {
    out += fmt::format("<cpu numaid=\"{}\">\n{}", s, leaves(machine, s, -1, 0));
    const std::vector<int>& towers = machine.bridges[static_cast<std::size_t>(s)];
    for (int t = 0; t < static_cast<int>(towers.size()); ++t) {
      const int bridges = towers[static_cast<std::size_t>(t)];
      if (bridges > 1) out += pci(fmt::format("T{}.{}", s, t), "class=\"0x0604\">\n");
      for (int b = 0; b < bridges; ++b) {
        out += pci(fmt::format("S{}.{}.{}", s, t, b), "class=\"0x0604\">\n") +
               leaves(machine, s, t, b) + "</pci>\n";
      }
      if (bridges > 1) out += "</pci>\n";
    }
    out += "</cpu>\n";
  }
  return out + "</system>\n";
}

std::string as_table(const Machine& machine) {
  std::string out;
  for (std::size_t i = 0; i < machine.devices.size(); ++i) out += "\t" + name_of(machine, i);
  for (std::size_t i = 0; i < machine.devices.size(); ++i) {
    out += "\n" + name_of(machine, i);
    for (std::size_t j = 0; j < machine.devices.size(); ++j) {
      out += "\t" + (i == j ? "X" : path_of(machine.devices[i], machine.devices[j]));
    }
  }
  return out + "\n";
}

/// Paths by the names in the file: "GPU0 NIC1 PIX". A NIC that stands for several goes by the
/// first.
std::vector<std::string> paths_of(const topo::Imported& imported) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < imported.origins.size(); ++i) {
    const auto kind = imported.spec.devices[i].kind;
    if (kind != ClusterSpec::DeviceKind::gpu && kind != ClusterSpec::DeviceKind::nic) continue;
    names.push_back(imported.origins[i].part.substr(0, imported.origins[i].part.find('+')));
  }
  std::vector<std::string> out;
  for (std::size_t i = 0; i < imported.paths.size(); ++i) {
    for (std::size_t j = 0; j < names.size(); ++j) {
      out.push_back(names[i] + " " + names[j] + " " + std::string(to_string(imported.paths[i][j])));
    }
  }
  return out;
}

/// Every path that was found is the one that was drawn.
void check_paths(const Machine& machine, const std::vector<std::string>& found) {
  const std::size_t devices = machine.devices.size();
  std::size_t known = 0;
  for (std::size_t i = 0; i < gpus_of(machine); ++i) {
    for (std::size_t j = 0; j < devices; ++j) {
      const std::string pair = name_of(machine, i) + " " + name_of(machine, j) + " ";
      const std::string path = i == j ? "X" : path_of(machine.devices[i], machine.devices[j]);
      for (const std::string& each : found) {
        if (!each.starts_with(pair)) continue;
        ++known;
        REQUIRE(each == pair + path);
      }
    }
  }
  REQUIRE(known == found.size());
}

}  // namespace

TEST_CASE("NCCL's XML and the table of nvidia-smi of one machine say the same") {
  std::mt19937_64 random(7);
  topo::ImportOptions options;
  options.sm = 80;
  options.nic_bytes_per_s = 25e9;
  int with_nics = 0;
  constexpr int cases = 1000;
  for (int i = 0; i < cases; ++i) {
    const Machine machine = random_machine(random);
    const std::string table = as_table(machine);
    INFO("case " << i << "\n" << table);
    const auto from_xml = topo::import_text(as_xml(machine), "m.xml", options);
    const auto from_table = topo::import_text(table, "m.txt", options);
    REQUIRE(from_xml);
    REQUIRE(from_table);
    const std::vector<std::string> paths = paths_of(*from_xml);
    REQUIRE(paths == paths_of(*from_table));
    check_paths(machine, paths);
    REQUIRE(from_xml->spec.rails == from_table->spec.rails);
    REQUIRE(from_xml->spec.links.size() == from_table->spec.links.size());
    for (int c = 0; c < link_classes; ++c) {
      if (static_cast<LinkClass>(c) == LinkClass::socket) continue;
      REQUIRE(from_xml->spec.curves[c].bandwidth_bytes_per_s ==
              from_table->spec.curves[c].bandwidth_bytes_per_s);
      REQUIRE(from_xml->spec.curves[c].latency_s == from_table->spec.curves[c].latency_s);
    }
    with_nics += from_xml->spec.max_nodes == 0 ? 1 : 0;
  }
  CHECK(with_nics > cases / 2);
  CHECK(with_nics < cases);
}
