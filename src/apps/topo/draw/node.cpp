#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apps/topo/draw/canvas.hpp"
#include "apps/topo/draw/draw.hpp"

namespace hsap::apps {
namespace {

using DeviceKind = ClusterSpec::DeviceKind;

constexpr std::size_t most_columns = 100;  // of characters

/// A mark in a row of a column: a device, or several in short.
struct Mark {
  std::string text;
  int device = -1;
};

/// What hangs on one PCIe switch (or straight on a socket): drawn as one column.
struct Column {
  std::string parent;
  std::vector<Mark> nics;
  std::vector<Mark> gpus;
};

/// One socket with its columns.
struct Box {
  int cpu = -1;
  std::string title;
  std::vector<Column> columns;
};

std::string join(const std::vector<Mark>& marks) {
  std::string text;
  for (const Mark& mark : marks) text += (text.empty() ? "" : " ") + mark.text;
  return text;
}

std::size_t width_of(const Column& column) {
  return std::max({column.parent.size(), join(column.nics).size(), join(column.gpus).size()});
}

constexpr std::size_t column_gap = 3;
constexpr std::size_t border = 2;  // a line and a blank

std::size_t width_of(const Box& box) {
  std::size_t width = 2 * border + column_gap * (box.columns.size() - 1);
  for (const Column& column : box.columns) width += width_of(column);
  return std::max(width, box.title.size() + 6);
}

/// Sorts the devices of a node into boxes and columns.
class Sorter {
 public:
  explicit Sorter(const ClusterSpec& spec)
      : spec_(spec), pcie_(spec.devices.size()), cpu_of_(spec.devices.size(), -1) {
    for (const ClusterSpec::NodeLink& link : spec.links) {
      if (link.link_class != LinkClass::pcie) continue;
      pcie_[static_cast<std::size_t>(link.from)].push_back(link.to);
      pcie_[static_cast<std::size_t>(link.to)].push_back(link.from);
    }
    spread_cpus();
  }

  [[nodiscard]] std::vector<Box> boxes() const {
    std::map<std::pair<int, int>, Column> columns;  // by socket, switch
    for (int i = 0; i < static_cast<int>(spec_.devices.size()); ++i) {
      const ClusterSpec::NodeDevice& device = spec_.devices[static_cast<std::size_t>(i)];
      if (device.kind != DeviceKind::gpu && device.kind != DeviceKind::nic) continue;
      const int parent = neighbour(i, DeviceKind::pcie_switch);
      const int cpu =
          parent >= 0 ? cpu_of_[static_cast<std::size_t>(parent)] : neighbour(i, DeviceKind::cpu);
      Column& column = columns[{cpu, parent}];
      if (parent >= 0) column.parent = name(parent).substr(std::string("pcie_").size());
      auto& marks = device.kind == DeviceKind::gpu ? column.gpus : column.nics;
      marks.push_back({device.name, i});
    }
    std::vector<Box> out;
    for (auto& [place, column] : columns) {
      if (out.empty() || out.back().cpu != place.first) {
        out.push_back({place.first, place.first >= 0 ? name(place.first) : "", {}});
      }
      out.back().columns.push_back(std::move(column));
    }
    return out;
  }

 private:
  /// The CPU of every switch, however deep the tree is: the nearest.
  void spread_cpus() {
    std::vector<int> reached;
    for (int i = 0; i < static_cast<int>(spec_.devices.size()); ++i) {
      if (kind_of(i) != DeviceKind::cpu) continue;
      cpu_of_[static_cast<std::size_t>(i)] = i;
      reached.push_back(i);
    }
    for (std::size_t i = 0; i < reached.size(); ++i) {
      const int cpu = cpu_of_[static_cast<std::size_t>(reached[i])];
      for (const int other : pcie_[static_cast<std::size_t>(reached[i])]) {
        int& found = cpu_of_[static_cast<std::size_t>(other)];
        if (kind_of(other) != DeviceKind::pcie_switch || found >= 0) continue;
        found = cpu;
        reached.push_back(other);
      }
    }
  }

  /// The first device of a kind that PCIe joins to `device`, or -1.
  [[nodiscard]] int neighbour(int device, DeviceKind kind) const {
    int found = -1;
    for (const int other : pcie_[static_cast<std::size_t>(device)]) {
      if (kind_of(other) == kind && (found < 0 || other < found)) found = other;
    }
    return found;
  }

  [[nodiscard]] DeviceKind kind_of(int device) const {
    return spec_.devices[static_cast<std::size_t>(device)].kind;
  }

  [[nodiscard]] const std::string& name(int device) const {
    return spec_.devices[static_cast<std::size_t>(device)].name;
  }

  const ClusterSpec& spec_;
  std::vector<std::vector<int>> pcie_;  ///< by device: what PCIe joins to it
  std::vector<int> cpu_of_;             ///< by CPU and switch; -1 where no way leads to one
};

/// Keeps the first `keep` - 1 and the last, with `gap` for what lies between.
template <typename T>
void shorten(std::vector<T>& list, std::size_t keep, const T& gap) {
  if (list.size() <= keep) return;
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(keep) - 1, list.end() - 1);
  list.insert(list.end() - 1, gap);
}

bool joined(const ClusterSpec& spec, int a, int b, LinkClass link_class) {
  return std::any_of(spec.links.begin(), spec.links.end(), [&](const auto& link) {
    return link.link_class == link_class &&
           ((link.from == a && link.to == b) || (link.from == b && link.to == a));
  });
}

std::size_t gap_after(const ClusterSpec& spec, const std::vector<Box>& boxes, std::size_t i) {
  if (i + 1 == boxes.size()) return 0;
  return joined(spec, boxes[i].cpu, boxes[i + 1].cpu, LinkClass::socket) ? 8 : 2;
}

std::size_t width_of(const ClusterSpec& spec, const std::vector<Box>& boxes) {
  std::size_t width = 2 * border;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    width += width_of(boxes[i]) + gap_after(spec, boxes, i);
  }
  return width;
}

/// Leaves out alike marks, columns and boxes in the middle until the node fits the page.
std::vector<Box> fit(const ClusterSpec& spec, const std::vector<Box>& all) {
  const Mark more_marks{"...", -1};
  const Column more_columns{"...", {}, {}};
  const Box more_boxes{-1, "", {Column{"...", {}, {}}}};
  for (std::size_t keep = 64; keep > 2; keep = keep > 8 ? keep / 2 : keep - 1) {
    std::vector<Box> boxes = all;
    shorten(boxes, keep, more_boxes);
    for (Box& box : boxes) {
      shorten(box.columns, keep, more_columns);
      for (Column& column : box.columns) {
        shorten(column.gpus, keep, more_marks);
        shorten(column.nics, keep, more_marks);
      }
    }
    if (width_of(spec, boxes) <= most_columns) return boxes;
  }
  std::vector<Box> boxes(all.begin(), all.begin() + 1);
  boxes[0].columns.resize(1);
  shorten(boxes[0].columns[0].gpus, 2, more_marks);
  shorten(boxes[0].columns[0].nics, 2, more_marks);
  return boxes;
}

class NodePicture {
 public:
  explicit NodePicture(const ClusterSpec& spec)
      : spec_(spec), boxes_(fit(spec, Sorter(spec).boxes())), direct_(direct_links()) {}

  std::string draw(const std::string& title, bool color) {
    plan_rows();
    right_ = std::max({width_of(spec_, boxes_), title.size() + 8, direct_.size() + 2 * border}) - 1;
    std::size_t first = border;
    for (std::size_t i = 0; i < boxes_.size(); ++i) {
      draw_box(boxes_[i], first);
      first += width_of(boxes_[i]);
      const std::size_t gap = gap_after(spec_, boxes_, i);
      if (gap > 2) canvas_.put(middle_, first, "─socket─", Ink::faint);
      first += gap;
    }
    const std::size_t bottom = draw_nvlink();
    canvas_.box(0, 0, bottom, right_, title);
    return canvas_.text(color);
  }

 private:
  /// Rows of NICs, switches and GPUs; what no column has gets no row.
  void plan_rows() {
    bool nics = false;
    bool switches = false;
    for (const Box& box : boxes_) {
      for (const Column& column : box.columns) {
        nics = nics || !column.nics.empty();
        switches = switches || (!column.parent.empty() && column.parent != "...");
      }
    }
    nic_row_ = 2;
    middle_ = nic_row_ + (nics ? 1 : 0) + (nics && switches ? 1 : 0);
    gpu_row_ = middle_ + (switches ? 2 : 1);
    if (!nics && !switches) gpu_row_ = middle_ = nic_row_;
    wires_ = switches;
    box_bottom_ = gpu_row_ + 1;
  }

  void draw_box(const Box& box, std::size_t first) {
    const std::size_t last = first + width_of(box) - 1;
    if (box.cpu >= 0) canvas_.box(1, first, box_bottom_, last, box.title);
    std::size_t at = first + border;
    for (const Column& column : box.columns) {
      draw_column(column, at);
      at += width_of(column) + column_gap;
    }
  }

  void draw_column(const Column& column, std::size_t first) {
    const std::size_t width = width_of(column);
    if (!column.parent.empty()) {
      canvas_.put(middle_, first + (width - column.parent.size()) / 2, column.parent);
    }
    draw_marks(column.nics, first, width, nic_row_, nic_row_ + 1, Ink::nic);
    draw_marks(column.gpus, first, width, gpu_row_, gpu_row_ - 1, Ink::gpu);
  }

  void draw_marks(const std::vector<Mark>& marks, std::size_t first, std::size_t width,
                  std::size_t row, std::size_t wire_row, Ink ink) {
    std::size_t at = first + (width - join(marks).size()) / 2;
    for (const Mark& mark : marks) {
      canvas_.put(row, at, mark.text, ink);
      const std::size_t centre = at + (mark.text.size() - 1) / 2;
      if (mark.device >= 0) {
        centre_[mark.device] = centre;
        if (wires_) canvas_.put(wire_row, centre, "│", Ink::faint);
      }
      at += mark.text.size() + 1;
    }
  }

  /// A bar per NVSwitch under the GPUs that it joins, or a list of direct links. Returns the row
  /// of the node's lower border.
  std::size_t draw_nvlink() {
    std::size_t row = box_bottom_ + 1;
    for (std::size_t i = 0; i < spec_.devices.size(); ++i) {
      if (spec_.devices[i].kind != DeviceKind::nvswitch) continue;
      draw_bar(static_cast<int>(i), row++);
    }
    if (!direct_.empty()) canvas_.put(row++, border, direct_);
    return row;
  }

  /// "nvlink: gpu0=gpu1 ...", as much of it as fits the page; empty where switches join all.
  [[nodiscard]] std::string direct_links() const {
    std::string direct;
    for (const ClusterSpec::NodeLink& link : spec_.links) {
      if (link.link_class != LinkClass::nvlink || !is_gpu(link.from) || !is_gpu(link.to)) continue;
      if (direct.empty()) direct = "nvlink:";
      const std::string pair = fmt::format("{}={}", name(link.from), name(link.to));
      if (direct.size() + pair.size() > 77) return direct + " ...";
      direct += " " + pair;
    }
    return direct;
  }

  void draw_bar(int nvswitch, std::size_t row) {
    canvas_.fill(row, border, right_ - 1, "═");
    for (const auto& [device, centre] : centre_) {
      if (!joined(spec_, device, nvswitch, LinkClass::nvlink)) continue;
      for (std::size_t wire = box_bottom_; wire < row; ++wire) canvas_.put(wire, centre, "║");
      canvas_.put(row, centre, "╩");
    }
    const std::string label = " " + name(nvswitch) + " ";
    canvas_.put(row, (right_ + 1 - label.size()) / 2, label, Ink::strong);
  }

  [[nodiscard]] const std::string& name(int device) const {
    return spec_.devices[static_cast<std::size_t>(device)].name;
  }
  [[nodiscard]] bool is_gpu(int device) const {
    return spec_.devices[static_cast<std::size_t>(device)].kind == DeviceKind::gpu;
  }

  const ClusterSpec& spec_;
  std::vector<Box> boxes_;
  std::string direct_;
  Canvas canvas_;
  std::map<int, std::size_t> centre_;  ///< column of a device that is shown
  std::size_t nic_row_ = 0;
  std::size_t middle_ = 0;
  std::size_t gpu_row_ = 0;
  std::size_t box_bottom_ = 0;
  std::size_t right_ = 0;
  bool wires_ = false;
};

}  // namespace

std::string draw_node(const ClusterSpec& spec, const std::string& title, bool color) {
  return NodePicture(spec).draw(title, color);
}

}  // namespace hsap::apps
