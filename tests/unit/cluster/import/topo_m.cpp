#include "cluster/import/topo_m.hpp"

#include <fmt/format.h>

#include "machines.hpp"

// The table of nvidia-smi topo -m, of real machines' shapes and damaged.
namespace hsap {
namespace {

using test::error_of;
using test::imported;
using test::links_of;
using test::named_by;
using test::Names;
using test::paths_of;
using test::warnings_of;

/// A table of `gpus` GPUs with the same cell for all pairs, without affinity.
std::string uniform(int gpus, const std::string& cell) {
  std::string out = "   ";
  for (int i = 0; i < gpus; ++i) out += fmt::format(" GPU{}", i);
  for (int i = 0; i < gpus; ++i) {
    out += fmt::format("\nGPU{}", i);
    for (int j = 0; j < gpus; ++j) out += i == j ? " X" : " " + cell;
  }
  return out + "\n";
}

topo::Imported read_matrix(const std::string& text, const topo::ImportOptions& options = {}) {
  const auto result = topo::import_text(text, "m", options);
  INFO(text << (result ? "" : result.error().text()));
  REQUIRE(result);
  return *result;
}

}  // namespace

TEST_CASE("NVSwitch, NICs at PIX, PXB and NODE, an underlined header and a legend") {
  topo::ImportOptions options;
  options.nic_bytes_per_s = 50e9;
  const topo::Imported machine = imported("switched.txt", options);
  CHECK(paths_of(machine, 0) == "X NVL NVL NVL PIX PHB SYS");
  CHECK(paths_of(machine, 1) == "NVL X NVL NVL PHB PHB SYS");
  CHECK(paths_of(machine, 3) == "NVL NVL NVL X SYS SYS PXB");
  // 18 links can only be of sm90 among what has NVSwitches and no more told.
  CHECK(machine.spec.curves[static_cast<int>(LinkClass::nvlink)].bandwidth_bytes_per_s == 370.8e9);
  CHECK(warnings_of(machine) == Names{"gpu-model", "no-link-speed"});
}

TEST_CASE("Bridges join pairs; the rest goes over the CPU") {
  topo::ImportOptions options;
  options.sm = 80;
  const topo::Imported machine = imported("bridges.txt", options);
  CHECK(links_of(machine.spec) == Names{"gpu0 cpu0 pcie 24", "gpu0 gpu1 nvlink 240",
                                        "gpu1 cpu0 pcie 24", "gpu2 cpu0 pcie 24",
                                        "gpu2 gpu3 nvlink 240", "gpu3 cpu0 pcie 24"});
  CHECK(paths_of(machine, 0) == "X NVL PHB PHB");
  CHECK(warnings_of(machine) == Names{"no-link-speed"});
}

TEST_CASE("PCIe in two sockets; an old driver names NICs by device") {
  const topo::Imported machine = imported("pcie.txt");
  CHECK(paths_of(machine, 0) == "X PHB SYS SYS SYS");
  CHECK(paths_of(machine, 2) == "SYS SYS X PHB PHB");
  CHECK(machine.origins.back().part == "mlx5_0");
}

TEST_CASE("NVLinks that cannot all be direct go through NVSwitches") {
  // Four A100 with four links to each peer have the twelve links of a GPU; NV12 has not.
  topo::ImportOptions options;
  options.sm = 80;
  CHECK(read_matrix(uniform(4, "NV4"), options).spec.links.size() == 4 + 6);
  CHECK(read_matrix(uniform(4, "NV12"), options).spec.links.size() == 4 + 4);
  CHECK(read_matrix(uniform(2, "NV12"), options).spec.links.size() == 2 + 1);
  CHECK(read_matrix(uniform(16, "NV6"), options).spec.links.size() == 16 + 16);
  CHECK(warnings_of(read_matrix(uniform(4, "NV12"), options)) ==
        Names{"hidden-pcie", "no-link-speed"});
}

TEST_CASE("A table without NVLink says there is none, unless the flag knows better") {
  topo::ImportOptions options;
  options.sm = 90;
  CHECK(paths_of(read_matrix(uniform(2, "NODE"), options), 0) == "X PHB");
  options.nvlinks = 18;  // of nvidia-smi topo -mp
  const topo::Imported machine = read_matrix(uniform(2, "NODE"), options);
  CHECK(paths_of(machine, 0) == "X NVL");
  CHECK(machine.spec.curves[static_cast<int>(LinkClass::nvlink)].bandwidth_bytes_per_s == 370.8e9);
}

TEST_CASE("Cells that no tree explains are told") {
  const topo::Imported machine =
      read_matrix("GPU0 GPU1 GPU2\nGPU0 X PIX SYS\nGPU1 PIX X PIX\nGPU2 SYS PIX X\n");
  CHECK(named_by(machine, "contradiction") == Names{"GPU0 and GPU2"});
  CHECK(paths_of(machine, 0) == "X PIX PIX");
}

TEST_CASE("One GPU, and no affinity") {
  const topo::Imported machine = read_matrix("GPU0 CPU Affinity NUMA Affinity\nGPU0 X 0-7 N/A\n");
  CHECK(machine.spec.gpus_per_node() == 1);
  CHECK(machine.spec.max_nodes == 1);
}

TEST_CASE("Damaged tables say where") {
  topo::ImportOptions options;
  options.format = "topo-m";
  CHECK(error_of("", options) ==
        "m: line 1: no table of nvidia-smi topo -m; found no line that begins with GPU0, expected "
        "a header such as 'GPU0 GPU1 NIC0 CPU Affinity NUMA Affinity'");
  CHECK(error_of("GPU0 X NV18\nGPU1 NV18 X\n") ==
        "m: line 1: a row before the header; found 'GPU0 X', expected the line that names the "
        "columns");
  CHECK(error_of("GPU0 GPU1\nGPU0 X PIX\n") ==
        "m: line 3: the table ends too early; found no row of GPU1, expected a row for every "
        "column");
  CHECK(error_of("GPU0 GPU1\nGPU0 X\n") ==
        "m: line 2: row too short; found 1 cells after 'GPU0', expected 2");
  CHECK(error_of("GPU0 GPU1\nGPU0 X NV0\n") ==
        "m: line 2: bad cell of GPU0 and GPU1; found 'NV0', expected 'NV#', 'PIX', 'PXB', 'PHB', "
        "'NODE' or 'SYS'");
  CHECK(error_of("GPU0 GPU1\nGPU0 PIX X\n") ==
        "m: line 2: bad cell of GPU0 and GPU0; found 'PIX', expected 'X'");
  CHECK(error_of("GPU0 GPU1\nGPU0 X PIX\nGPU0 X PIX\n") ==
        "m: line 3: row given twice; found 'GPU0', as in line 2, expected each once");
  CHECK(error_of("GPU0 GPU1\nGPU7 X PIX\n").find("m: line 2: row of no column; found 'GPU7'") == 0);
  CHECK(error_of("GPU0 GPU0\n") ==
        "m: line 1: device given twice; found 'GPU0', expected each once");
  CHECK(error_of("GPU0 NIC0 GPU1\n") ==
        "m: line 1: GPUs are not the first columns; found 'NIC0', expected GPUs, then NICs");
  CHECK(error_of("GPU0 GPU1\nGPU0 X PIX\nGPU1 SYS X\n") ==
        "m: line 3: rows contradict each other; found GPU1 to GPU0 is not GPU0 to GPU1 in line 2, "
        "expected the same cell both ways");
  CHECK(error_of(uniform(1025, "PIX")).find("m: line 1: too many devices") == 0);
}

TEST_CASE("Neither format") {
  CHECK(error_of("hello\n") ==
        "m: line 1: unknown format; found neither XML nor a table, expected NCCL's topology XML, "
        "or the table of nvidia-smi topo -m");
  topo::ImportOptions options;
  options.format = "nccl-xml";
  CHECK(error_of("GPU0\nGPU0 X\n", options).find("m: line ") == 0);
}

}  // namespace hsap
