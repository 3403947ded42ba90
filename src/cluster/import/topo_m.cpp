#include "cluster/import/topo_m.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <sstream>

#include "base/names.hpp"
#include "cluster/node_reader.hpp"

namespace hsap::topo {
namespace {

using Near = TopoMatrix::Near;
using Cell = TopoMatrix::Cell;

/// Without "\x1b[4m" and its like, which nvidia-smi writes around the header, and other control
/// characters.
std::string without_escapes(const std::string& line) {
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\x1b' && i + 1 < line.size() && line[i + 1] == '[') {
      i = std::min(line.find_first_of("mK", i), line.size());
      continue;
    }
    const bool control = (line[i] >= 0 && line[i] < ' ') || line[i] == 127;
    out += control ? ' ' : line[i];
  }
  return out;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(without_escapes(line));
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::optional<Cell> cell_of(const std::string& text) {
  static const std::map<std::string, Near> names{
      {"X", Near::self},    {"PIX", Near::pix}, {"PXB", Near::pxb}, {"PHB", Near::phb},
      {"NODE", Near::node}, {"SYS", Near::sys}, {"SOC", Near::sys}};  // SYS in old drivers
  const auto found = names.find(text);
  if (found != names.end()) return Cell{found->second, 0};
  int links = 0;
  const char* end = text.data() + text.size();
  if (!text.starts_with("NV") || text.size() < 3) return {};
  const auto [stop, code] = std::from_chars(text.data() + 2, end, links);
  if (code != std::errc{} || stop != end || links < 1 || links > 64) return {};
  return Cell{Near::nvlink, links};
}

class MatrixReader {
 public:
  MatrixReader(const std::string& text, const std::string& file) : in_(text), file_(file) {}

  Result<TopoMatrix> read() {
    HSAP_CHECK(read_header());
    for (std::string line; next(line);) {
      const std::vector<std::string> words = words_of(line);
      if (words.empty()) continue;
      if (words[0] == "Legend:") break;
      HSAP_CHECK(read_row(words));
    }
    HSAP_CHECK(check());
    return std::move(out_);
  }

 private:
  bool next(std::string& line) {
    ++line_;
    return static_cast<bool>(std::getline(in_, line));
  }

  Status read_header() {
    for (std::string line; next(line);) {
      const std::vector<std::string> words = words_of(line);
      if (words.empty() || words[0] != "GPU0") continue;
      if (words.size() > 1 && words[1] == "X") {
        return error("a row before the header", "'GPU0 X'", "the line that names the columns");
      }
      for (const std::string& word : words) {
        if (word == "CPU" || word == "NUMA") break;
        out_.gpus += word.starts_with("GPU") ? 1 : 0;
        if (index_.emplace(word, static_cast<int>(index_.size())).second) {
          out_.names.push_back(word);
          continue;
        }
        return error("device given twice", "'" + word.substr(0, 40) + "'", "each once");
      }
      return check_header();
    }
    return error("no table of nvidia-smi topo -m", "no line that begins with GPU0",
                 "a header such as 'GPU0 GPU1 NIC0 CPU Affinity NUMA Affinity'");
  }

  [[nodiscard]] Status check_header() {
    const std::size_t devices = out_.names.size();
    if (out_.gpus > max_node_gpus || devices > max_node_devices) {
      return error("too many devices", fmt::format("{} GPUs of {}", out_.gpus, devices),
                   fmt::format("at most {} GPUs and {} in all", max_node_gpus, max_node_devices));
    }
    for (std::size_t i = 0; i < devices; ++i) {
      const bool gpu = out_.names[i].starts_with("GPU");
      if (gpu == (i < static_cast<std::size_t>(out_.gpus))) continue;
      return error("GPUs are not the first columns", "'" + out_.names[i].substr(0, 40) + "'",
                   "GPUs, then NICs");
    }
    out_.cells.resize(devices);
    out_.places.resize(devices);
    out_.lines.resize(devices);
    return {};
  }

  Status read_row(const std::vector<std::string>& words) {
    const auto found = index_.find(words[0]);
    if (found == index_.end()) {
      return error("row of no column", "'" + words[0].substr(0, 40) + "'",
                   suggest(words[0], out_.names));
    }
    const auto row = static_cast<std::size_t>(found->second);
    const std::size_t devices = out_.names.size();
    if (!out_.cells[row].empty()) {
      return error("row given twice",
                   "'" + words[0] + "', as in line " + std::to_string(out_.lines[row]),
                   "each once");
    }
    if (words.size() <= devices) {
      return error("row too short", fmt::format("{} cells after '{}'", words.size() - 1, words[0]),
                   fmt::format("{}", devices));
    }
    for (std::size_t i = 0; i < devices; ++i) {
      const std::optional<Cell> cell = cell_of(words[i + 1]);
      if (!cell || (cell->near == Near::self) != (i == row)) {
        return error(fmt::format("bad cell of {} and {}", words[0], out_.names[i]),
                     "'" + words[i + 1].substr(0, 40) + "'",
                     i == row ? "'X'" : "'NV#', 'PIX', 'PXB', 'PHB', 'NODE' or 'SYS'");
      }
      out_.cells[row].push_back(*cell);
    }
    out_.lines[row] = line_;
    read_place(words, row);
    return {};
  }

  /// After the cells: CPU affinity, NUMA affinity, NUMA node of the GPU itself.
  void read_place(const std::vector<std::string>& words, std::size_t row) {
    const std::size_t at = out_.names.size() + 1;
    const auto told = [&](std::size_t i) { return i < words.size() && words[i] != "N/A"; };
    if (told(at + 1))
      out_.places[row] = "NUMA " + words[at + 1];
    else if (told(at))
      out_.places[row] = "CPUs " + words[at];
  }

  [[nodiscard]] Status check() {
    for (std::size_t i = 0; i < out_.names.size(); ++i) {
      if (out_.cells[i].empty()) {
        return error("the table ends too early", "no row of " + out_.names[i],
                     "a row for every column");
      }
    }
    for (std::size_t i = 0; i < out_.names.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const Cell& here = out_.cells[i][j];
        const Cell& there = out_.cells[j][i];
        if (here.near == there.near && here.nvlinks == there.nvlinks) continue;
        line_ = out_.lines[i];
        return error("rows contradict each other",
                     fmt::format("{} to {} is not {} to {} in line {}", out_.names[i],
                                 out_.names[j], out_.names[j], out_.names[i], out_.lines[j]),
                     "the same cell both ways");
      }
    }
    return {};
  }

  [[nodiscard]] Error error(const std::string& message, std::string found,
                            std::string expected) const {
    Error error = bad_input(message, std::move(found), std::move(expected));
    error.file = file_;
    error.position = fmt::format("line {}", line_);
    return error;
  }

  std::istringstream in_;
  const std::string& file_;
  TopoMatrix out_;
  std::map<std::string, int> index_;
  int line_ = 0;
};

}  // namespace

Result<TopoMatrix> parse_topo_m(const std::string& text, const std::string& file) {
  return MatrixReader(text, file).read();
}

}  // namespace hsap::topo
