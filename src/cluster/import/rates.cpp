#include "cluster/import/rates.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace hsap::topo {
namespace {

constexpr double giga = 1e9;

constexpr std::array generations{
    Generation{60, 18 * giga, 4, 3, "dgx-a100", false},
    Generation{70, 20 * giga, 6, 3, "dgx-a100", false},
    Generation{80, 20 * giga, 12, 4, "dgx-a100", true},
    Generation{86, 12 * giga, 4, 4, "l20x8-pcie", false},
    Generation{89, 20 * giga, 0, 4, "l20x8-pcie", true},
    Generation{90, 20.6 * giga, 18, 5, "dgx-h100", true},
    Generation{100, 40.1 * giga, 18, 5, "gb200-nvl72", true},
    Generation{103, 40.1 * giga, 18, 6, "gb200-nvl72", false},
    Generation{120, 40.1 * giga, 0, 5, "l20x8-pcie", false},
};

constexpr std::array models{
    GpuModel{"10de:1db1", "V100 SXM2 16GB", 70, 16e9, 0, ""},
    GpuModel{"10de:1db5", "V100 SXM2 32GB", 70, 32e9, 0, ""},
    GpuModel{"10de:20b0", "A100 SXM4 40GB", 80, 40e9, 12, ""},
    GpuModel{"10de:20b2", "A100 SXM4 80GB", 80, 80e9, 12, "dgx-a100"},
    GpuModel{"10de:20b5", "A100 PCIe 80GB", 80, 80e9, 0, ""},
    GpuModel{"10de:20f1", "A100 PCIe 40GB", 80, 40e9, 0, ""},
    GpuModel{"10de:20f3", "A800 SXM4 80GB", 80, 80e9, 8, "a800"},
    GpuModel{"10de:2237", "A10G 24GB", 86, 24e9, 0, ""},
    GpuModel{"10de:26b9", "L40S 48GB", 89, 48e9, 0, ""},
    GpuModel{"10de:26ba", "L20 48GB", 89, 48e9, 0, "l20x8-pcie"},
    GpuModel{"10de:2324", "H800 SXM5 80GB", 90, 80e9, 8, "h800"},
    GpuModel{"10de:2330", "H100 SXM5 80GB", 90, 80e9, 18, "dgx-h100"},
    GpuModel{"10de:2331", "H100 PCIe 80GB", 90, 80e9, 0, ""},
    GpuModel{"10de:2335", "H200 SXM5 141GB", 90, 141e9, 18, "hgx-h200"},
    GpuModel{"10de:2901", "B200 180GB", 100, 180e9, 18, ""},
    GpuModel{"10de:2941", "GB200 186GB", 100, 186e9, 18, "gb200-nvl72"},
};

/// In NCCL's unit, 100 Mbit/s of one lane; the first prefix that matches wins.
constexpr std::array<std::pair<std::string_view, int>, 10> lane_speeds{{
    {"2.5 GT/s", 15},
    {"5 GT/s", 30},
    {"8 GT/s", 60},
    {"16 GT/s", 120},
    {"32 GT/s", 240},
    {"5.0 GT/s", 30},
    {"8.0 GT/s", 60},
    {"16.0 GT/s", 120},
    {"32.0 GT/s", 240},
    {"64.0 GT/s", 480},
}};

/// 80 units of one lane are 1 GB/s.
constexpr double lane_bytes_per_s(int units) { return units * giga / 80; }

double intel_socket(int model) {
  if (model >= 0xCF) return 40 * giga;  // Emerald Rapids
  if (model >= 0x8F) return 22 * giga;  // Sapphire Rapids
  return (model >= 0x55 ? 10 : 6) * giga;
}

}  // namespace

const Generation& generation(int sm) {
  const auto after = std::find_if(generations.begin(), generations.end(),
                                  [&](const Generation& each) { return each.sm > sm; });
  return after == generations.begin() ? *after : *(after - 1);
}

const GpuModel* gpu_model(const std::string& chip) {
  const auto found = std::find_if(models.begin(), models.end(),
                                  [&](const GpuModel& model) { return model.chip == chip; });
  return found == models.end() ? nullptr : &*found;
}

double pcie_x16_bytes_per_s(int generation) {
  return 16 * lane_bytes_per_s(60 << (generation - 3));
}

std::optional<double> pcie_lane_bytes_per_s(std::string_view link_speed) {
  const auto found = std::find_if(lane_speeds.begin(), lane_speeds.end(), [&](const auto& each) {
    return link_speed.starts_with(each.first);
  });
  if (found == lane_speeds.end()) return {};
  return lane_bytes_per_s(found->second);
}

std::optional<double> socket_bytes_per_s(std::string_view arch, std::string_view vendor,
                                         int model) {
  if (arch == "ppc64") return 32 * giga;
  if (arch == "arm64") return 6 * giga;
  if (vendor == "GenuineIntel") return intel_socket(model);
  if (vendor == "AuthenticAMD") return 16 * giga;
  if (vendor.find("Shanghai") != std::string_view::npos) return 6 * giga;  // Zhaoxin
  return {};
}

double nic_bytes_per_s(double slot_bytes_per_s) {
  // Slots come in powers of two of the 12 GB/s of Gen3 x16; the cards for it send 12.5.
  double rate = 100 * giga / 8;
  while (rate * 1.9 < slot_bytes_per_s) rate *= 2;
  return rate;
}

}  // namespace hsap::topo
