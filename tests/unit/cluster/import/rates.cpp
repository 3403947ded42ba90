#include "cluster/import/rates.hpp"

#include <catch2/catch.hpp>

// NCCL's planning numbers (NVIDIA/nccl, src/graph/topo.h and topo.cc), in GB/s.
namespace hsap::topo {
namespace {

double lane(const char* speed) { return pcie_lane_bytes_per_s(speed).value_or(0) / 1e9; }

double socket(const char* arch, const char* vendor, int model) {
  return socket_bytes_per_s(arch, vendor, model).value_or(0) / 1e9;
}

}  // namespace

TEST_CASE("PCIe lanes by the texts of Linux and of old files") {
  CHECK(16 * lane("2.5 GT/s") == 3);
  CHECK(16 * lane("5 GT/s") == 6);
  CHECK(16 * lane("8.0 GT/s PCIe") == 12);
  CHECK(16 * lane("16 GT/s") == 24);
  CHECK(16 * lane("32 GT/s PCIe/s") == 48);
  CHECK(16 * lane("64.0 GT/s PCIe") == 96);
  for (const char* unknown : {"", "Unknown", "Unknown speed", "128.0 GT/s PCIe", "GT/s", "32"}) {
    CHECK_FALSE(pcie_lane_bytes_per_s(unknown));
  }
  for (int generation = 3; generation <= 6; ++generation) {
    CHECK(pcie_x16_bytes_per_s(generation) == 12e9 * (1 << (generation - 3)));
  }
}

TEST_CASE("All NVLinks of a GPU") {
  const auto all = [](int sm) {
    return generation(sm).nvlinks * generation(sm).nvlink_bytes_per_s / 1e9;
  };
  CHECK(all(80) == Approx(240));
  CHECK(all(90) == Approx(370.8));
  CHECK(all(100) == Approx(721.8));
  CHECK(generation(75).nvlink_bytes_per_s == 20e9);
  CHECK(generation(60).nvlink_bytes_per_s == 18e9);
  CHECK(generation(52).sm == 60);
  CHECK(generation(999).sm == 120);
}

TEST_CASE("Between CPUs by maker and model") {
  CHECK(socket("x86_64", "GenuineIntel", 79) == 6);
  CHECK(socket("x86_64", "GenuineIntel", 85) == 10);
  CHECK(socket("x86_64", "GenuineIntel", 143) == 22);
  CHECK(socket("x86_64", "GenuineIntel", 207) == 40);
  CHECK(socket("x86_64", "AuthenticAMD", 1) == 16);
  CHECK(socket("arm64", "", 0) == 6);
  CHECK(socket("ppc64", "", 0) == 32);
  CHECK_FALSE(socket_bytes_per_s("", "", 0));
}

TEST_CASE("A card that fills its slot") {
  for (int generation = 3; generation <= 6; ++generation) {
    CHECK(nic_bytes_per_s(pcie_x16_bytes_per_s(generation)) == 12.5e9 * (1 << (generation - 3)));
  }
}

}  // namespace hsap::topo
