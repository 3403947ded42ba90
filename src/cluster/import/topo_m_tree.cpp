#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "cluster/import/rates.hpp"
#include "cluster/import/topo_m.hpp"

namespace hsap::topo {
namespace {

using Near = TopoMatrix::Near;
using Kind = Part::Kind;

/// Sets of devices that grow together.
class Groups {
 public:
  explicit Groups(std::size_t size) : leader_(size) {
    std::iota(leader_.begin(), leader_.end(), 0);
  }
  void join(std::size_t a, std::size_t b) {
    const std::size_t first = std::min(of(a), of(b));
    leader_[std::max(of(a), of(b))] = first;
  }
  /// The first device of the group.
  [[nodiscard]] std::size_t of(std::size_t i) {
    while (leader_[i] != i) i = leader_[i] = leader_[leader_[i]];
    return i;
  }

 private:
  std::vector<std::size_t> leader_;
};

class Builder {
 public:
  Builder(const TopoMatrix& matrix, const std::string& file)
      : matrix_(matrix),
        size_(matrix.names.size()),
        switches_(size_),
        towers_(size_),
        sockets_(size_) {
    out_.file = file;
    out_.format = "nvidia-smi topo -m";
  }

  Machine build() {
    group();
    for (std::size_t i = 0; i < size_; ++i) {
      if (sockets_.of(i) == i) add_socket(i);
    }
    for (std::size_t i = 0; i < size_; ++i) add_device(i);
    add_nvlinks();
    report_contradictions();
    return std::move(out_);
  }

 private:
  /// PIX joins a switch, PXB a tower of switches, PHB and NODE a NUMA node. Where NVLink hides
  /// the way over PCIe, third devices may still tell, and the NUMA columns.
  void group() {
    for (std::size_t i = 0; i < size_; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const Near near = matrix_.cells[i][j].near;
        if (near == Near::pix) switches_.join(i, j);
        if (near <= Near::pxb) towers_.join(i, j);
        if (near <= Near::node || same_place(i, j)) sockets_.join(i, j);
      }
    }
    join_untold();
  }

  [[nodiscard]] bool same_place(std::size_t i, std::size_t j) const {
    return matrix_.cells[i][j].near == Near::nvlink && !matrix_.places[i].empty() &&
           matrix_.places[i] == matrix_.places[j];
  }

  /// GPUs with NVLink between them and neither NIC nor affinity to place them share one CPU.
  void join_untold() {
    for (std::size_t i = 0; i < size_; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (matrix_.cells[i][j].near != Near::nvlink || sockets_.of(i) == sockets_.of(j)) continue;
        if (placed(i) && placed(j)) continue;
        sockets_.join(i, j);
        out_.warn("hidden-pcie", matrix_.names[i],
                  "NVLink hides where GPUs sit on PCIe, and the table has no affinity; they are "
                  "placed beside others");
      }
    }
  }

  [[nodiscard]] bool placed(std::size_t i) const {
    if (!matrix_.places[i].empty()) return true;
    return std::any_of(matrix_.cells[i].begin(), matrix_.cells[i].end(), [](const auto& cell) {
      return cell.near != Near::self && cell.near != Near::nvlink;
    });
  }

  /// The CPU of a socket, its towers and switches, before any device.
  void add_socket(std::size_t first) {
    Part cpu;
    cpu.kind = Kind::cpu;
    cpu.name =
        matrix_.places[first].empty() ? "CPU of " + matrix_.names[first] : matrix_.places[first];
    const int cpu_index = push(std::move(cpu));
    for (std::size_t i = first; i < size_; ++i) {
      if (sockets_.of(i) != first) continue;
      parent_[i] = cpu_index;
      if (towers_.of(i) == i) add_tower(i, cpu_index);
    }
  }

  void add_tower(std::size_t first, int cpu) {
    std::vector<std::size_t> leaders;
    std::size_t devices = 0;
    for (std::size_t i = first; i < size_; ++i) {
      if (towers_.of(i) != first) continue;
      ++devices;
      if (switches_.of(i) == i) leaders.push_back(i);
    }
    if (devices < 2) return;
    const bool tall = leaders.size() > 1;
    const int top = tall ? push(make_switch("bridges of " + matrix_.names[first], cpu)) : cpu;
    for (const std::size_t leader : leaders) {
      below_[leader] = push(make_switch("bridge of " + matrix_.names[leader], top));
    }
  }

  static Part make_switch(std::string name, int parent) {
    Part part;
    part.kind = Kind::pcie_switch;
    part.name = std::move(name);
    part.parent = parent;
    return part;
  }

  void add_device(std::size_t i) {
    Part part;
    const bool gpu = i < static_cast<std::size_t>(matrix_.gpus);
    part.kind = gpu ? Kind::gpu : Kind::nic;
    part.name = matrix_.names[i];
    part.line = matrix_.lines[i];
    part.order = static_cast<int>(gpu ? i : i - static_cast<std::size_t>(matrix_.gpus));
    part.described = gpu;
    const auto below = below_.find(switches_.of(i));
    part.parent = below == below_.end() ? parent_[i] : below->second;
    device_.push_back(push(std::move(part)));
  }

  /// Equal NVLinks between all GPUs, more than a GPU has in all, go through NVSwitches.
  void add_nvlinks() {
    const auto gpus = static_cast<std::size_t>(matrix_.gpus);
    constexpr int most_links = 18;  // of any GPU so far
    const int each = gpus < 2 ? 0 : matrix_.cells[0][1].nvlinks;
    bool equal = each > 0;
    for (std::size_t i = 0; i < gpus; ++i) {
      for (std::size_t j = 0; j < gpus; ++j) {
        equal = equal && (i == j || matrix_.cells[i][j].nvlinks == each);
      }
    }
    const bool switched = equal && static_cast<int>(gpus - 1) * each > most_links;
    for (std::size_t i = 0; i < gpus; ++i) {
      if (switched) out_.nvlinks.push_back({device_[i], NvLinks::to_switch, each});
      for (std::size_t j = i + 1; j < gpus && !switched; ++j) {
        const int links = matrix_.cells[i][j].nvlinks;
        if (links > 0) out_.nvlinks.push_back({device_[i], device_[j], links});
      }
    }
  }

  /// "A near B and B near C, but A far from C": no tree has that.
  void report_contradictions() {
    for (std::size_t i = 0; i < size_; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const Near told = matrix_.cells[i][j].near;
        if (told == Near::nvlink) continue;
        const PathClass built = pcie_path(out_, device_[i], device_[j]).path;
        if (class_of(told) == built) continue;
        out_.warn("contradiction", fmt::format("{} and {}", matrix_.names[j], matrix_.names[i]),
                  "no tree of switches explains these cells beside the others; the nearer "
                  "reading is taken");
      }
    }
  }

  static PathClass class_of(Near near) {
    if (near == Near::pix) return PathClass::pix;
    if (near == Near::pxb) return PathClass::pxb;
    return near == Near::sys ? PathClass::sys : PathClass::phb;
  }

  int push(Part part) {
    out_.parts.push_back(std::move(part));
    return static_cast<int>(out_.parts.size()) - 1;
  }

  const TopoMatrix& matrix_;
  std::size_t size_;
  Groups switches_;
  Groups towers_;
  Groups sockets_;
  Machine out_;
  std::map<std::size_t, int> parent_;  ///< by device: the CPU
  std::map<std::size_t, int> below_;   ///< by first device of a switch: the switch
  std::vector<int> device_;            ///< by device: the part
};

}  // namespace

Machine machine_of(const TopoMatrix& matrix, const std::string& file) {
  return Builder(matrix, file).build();
}

}  // namespace hsap::topo
