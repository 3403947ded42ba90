#include "apps/topo/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/units.hpp"
#include "cli/table.hpp"
#include "export/json/cluster.hpp"

namespace hsap::apps {
namespace {

using cli::heading;
using cli::right;
using cli::Style;
using cli::Table;
using topo::Imported;

/// GPUs, and as many NICs, in the table of paths for people: the first ones.
constexpr std::size_t most_listed = 12;

std::string shortened(const std::string& text) {
  constexpr std::size_t most = 48;
  return text.size() <= most ? text : text.substr(0, most - 3) + "...";
}

/// "a, b, c, d and 12 more".
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t most = 4;
  std::string out;
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i) {
    out += (i > 0 ? ", " : "") + shortened(names[i]);
  }
  if (names.size() > most) out += fmt::format(" and {} more", names.size() - most);
  return out;
}

/// Words in lines of at most 100 columns; all but the first are indented by four.
std::string wrapped(const std::string& text) {
  constexpr std::size_t columns = 100;
  std::string out;
  std::size_t line = 0;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const bool fits = line + 1 + word.size() <= columns;
    out += line == 0 ? "  " : fits ? " " : "\n    ";
    line = (line == 0 ? 2 : fits ? line + 1 : 4) + word.size();
    out += word;
  }
  return out + "\n";
}

std::string devices_table(const Imported& imported, bool color) {
  Table table({{"device"}, {"in the file"}, {"joined to"}, {"at", right}});
  const std::size_t count = imported.origins.size();
  constexpr std::size_t whole = 64;
  for (std::size_t i = 0; i < count; ++i) {
    if (count > whole && i == whole / 2) {
      table.add({fmt::format("... {} more", count - whole)}, Style::dim);
      i = count - whole / 2;
    }
    const topo::Origin& origin = imported.origins[i];
    table.add({origin.device, shortened(origin.part), origin.joined_to,
               origin.joined_to.empty() ? "" : format_rate(origin.bytes_per_s)});
  }
  return heading("Devices", color) + table.text(color);
}

std::string reasons_table(const Imported& imported, bool color) {
  Table table({{"what"}, {"value"}, {"why"}});
  for (const topo::Reason& reason : imported.reasons) {
    table.add({reason.what, reason.value, reason.why});
  }
  return heading("Numbers", color) + table.text(color);
}

std::string paths_table(const Imported& imported, bool color) {
  if (imported.paths.empty()) return {};
  const std::size_t gpus = imported.paths.size();
  const std::size_t columns = imported.columns.size();
  const auto listed = [&](std::size_t i) {
    return i < gpus ? i < most_listed : i - gpus < most_listed;
  };
  std::vector<Table::Column> titles{{""}};
  for (std::size_t i = 0; i < columns; ++i) {
    if (listed(i)) titles.push_back({imported.columns[i]});
  }
  Table table(titles);
  for (std::size_t i = 0; i < std::min(gpus, most_listed); ++i) {
    std::vector<std::string> cells{imported.columns[i]};
    for (std::size_t j = 0; j < columns; ++j) {
      if (listed(j)) cells.emplace_back(to_string(imported.paths[i][j]));
    }
    table.add(cells);
  }
  std::string out = heading("Paths", color) + table.text(color);
  if (titles.size() <= columns) {
    out += fmt::format("  the first {} GPUs and NICs; --json has all\n", most_listed);
  }
  return out +
         "  NVL NVLink, NVB NVLink by way of GPUs, PIX one PCIe switch, PXB several, P2C the CPU "
         "over C2C,\n  PHB the CPU, SYS another CPU\n";
}

std::string warnings_list(const Imported& imported, bool color) {
  if (imported.warnings.empty()) return {};
  std::string out = heading("Warnings", color);
  for (const topo::Warning& warning : imported.warnings) {
    std::string text = warning.name + ": " + warning.text;
    if (!warning.parts.empty()) text += " (" + some_of(warning.parts) + ")";
    text = wrapped(text);
    // Colour comes last: it takes no columns.
    text.replace(2, warning.name.size(), cli::styled(warning.name, Style::bad, color));
    out += text;
  }
  return out;
}

}  // namespace

std::string import_report(const Imported& imported, bool color) {
  const ClusterSpec& spec = imported.spec;
  std::string out =
      fmt::format("{}: a node of {} GPUs from {}\n", cli::styled(spec.name, Style::bold, color),
                  spec.gpus_per_node(), imported.format);
  return out + devices_table(imported, color) + reasons_table(imported, color) +
         paths_table(imported, color) + warnings_list(imported, color);
}

json::Ordered import_json(const Imported& imported) {
  json::Ordered origins = json::Ordered::array();
  for (const topo::Origin& origin : imported.origins) {
    json::Ordered item = {{"device", origin.device}, {"part", origin.part}};
    if (!origin.joined_to.empty()) {
      item["joined_to"] = origin.joined_to;
      item["bandwidth_bytes_per_s"] = origin.bytes_per_s;
    }
    origins.push_back(std::move(item));
  }
  json::Ordered reasons = json::Ordered::array();
  for (const topo::Reason& reason : imported.reasons) {
    reasons.push_back({{"what", reason.what}, {"value", reason.value}, {"why", reason.why}});
  }
  json::Ordered paths = json::Ordered::array();
  for (const auto& row : imported.paths) {
    json::Ordered cells = json::Ordered::array();
    for (const topo::PathClass path : row) cells.push_back(to_string(path));
    paths.push_back(std::move(cells));
  }
  json::Ordered warnings = json::Ordered::array();
  for (const topo::Warning& warning : imported.warnings) {
    warnings.push_back(
        {{"name", warning.name}, {"devices", warning.parts}, {"text", warning.text}});
  }
  return {{"schema", "hsap.import/1"},        {"format", imported.format},
          {"devices", std::move(origins)},    {"numbers", std::move(reasons)},
          {"path_columns", imported.columns}, {"paths", std::move(paths)},
          {"warnings", std::move(warnings)},  {"cluster", to_json(imported.spec)}};
}

}  // namespace hsap::apps
