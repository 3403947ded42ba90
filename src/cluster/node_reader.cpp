#include "cluster/node_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/names.hpp"
#include "cluster/names.hpp"

namespace hsap {
namespace {

using DeviceKind = ClusterSpec::DeviceKind;

/// The devices that a text like "nic[0-3,6]" names.
class DeviceNames {
 public:
  explicit DeviceNames(const std::vector<ClusterSpec::NodeDevice>& devices) {
    for (const ClusterSpec::NodeDevice& device : devices) {
      index_.emplace(device.name, static_cast<int>(index_.size()));
    }
  }

  /// Indices of the devices in the order written, each once: a list is never longer than the node,
  /// whatever its text.
  [[nodiscard]] Result<std::vector<int>> select(const std::string& text) const {
    const std::size_t open = text.find('[');
    Selection out{{}, std::vector<bool>(index_.size())};
    if (open == std::string::npos) {
      HSAP_CHECK(add(text, out));
      return std::move(out.devices);
    }
    if (text.back() != ']') return malformed(text);
    const std::string stem = text.substr(0, open);
    for (std::size_t begin = open + 1; begin < text.size();) {
      const std::size_t end = text.find_first_of(",]", begin);
      HSAP_CHECK(add_range(stem, text.substr(begin, end - begin), text, out));
      begin = end + 1;
    }
    return std::move(out.devices);
  }

 private:
  struct Selection {
    std::vector<int> devices;
    std::vector<bool> taken;  ///< by device
  };

  static Error malformed(const std::string& text) {
    return bad_input("malformed device range", "'" + text + "'",
                     "a name like 'gpu0' or a range like 'gpu[0-7]', 'cpu[0-6:2]' or 'nic[0,2-3]'");
  }

  Status add(const std::string& name, Selection& out) const {
    const auto it = index_.find(name);
    if (it != index_.end()) {
      const auto device = static_cast<std::size_t>(it->second);
      if (out.taken[device]) {
        return bad_input("device named twice", "'" + name + "'", "each once in a list");
      }
      out.taken[device] = true;
      out.devices.push_back(it->second);
      return {};
    }
    std::vector<std::string> known;
    for (const auto& [key, unused] : index_) known.push_back(key);
    const std::vector<std::string> near = near_misses(name, known);
    return bad_input("no such device", "'" + name + "'",
                     near.empty() ? "a device of this node" : one_of(near));
  }

  /// "3", "0-7" or "0-6:2" of `whole`.
  Status add_range(const std::string& stem, const std::string& range, const std::string& whole,
                   Selection& out) const {
    const std::size_t colon = std::min(range.find(':'), range.size());
    const std::size_t dash = std::min(range.find('-'), colon);
    const std::optional<int> first = index(range.substr(0, dash));
    std::optional<int> last = first;
    std::optional<int> step = 1;
    if (dash < colon) last = index(range.substr(dash + 1, colon - dash - 1));
    if (colon < range.size()) step = index(range.substr(colon + 1));
    if (!first || !last || !step || *last < *first || *step == 0) return malformed(whole);
    for (int i = *first; i <= *last; i += *step) {
      HSAP_CHECK(add(stem + std::to_string(i), out));
    }
    return {};
  }

  /// A number that a node may have as many devices of, digits only.
  static std::optional<int> index(const std::string& text) {
    int value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, code] = std::from_chars(text.data(), end, value);
    if (code != std::errc{} || stop != end || value < 0 || value >= max_node_devices) return {};
    return value;
  }

  std::map<std::string, int> index_;
};

void read_devices(json::Object& node, ClusterSpec& spec) {
  json::Object counts = node.object("devices");
  for (int k = 0; k < device_kinds; ++k) {
    const auto kind = static_cast<DeviceKind>(k);
    const std::string name(to_string(kind));
    const std::int64_t count = kind == DeviceKind::gpu
                                   ? counts.integer(name, 1, max_node_gpus)
                                   : counts.integer_or(name, 0, 0, max_node_devices);
    for (std::int64_t i = 0; i < count; ++i) {
      spec.devices.push_back({name + std::to_string(i), kind});
    }
  }
  if (spec.devices.size() > max_node_devices) {
    node.fail("devices", "too many devices", std::to_string(spec.devices.size()),
              fmt::format("at most {}", max_node_devices));
  }
  counts.done();
}

/// Which devices of two lists a link entry joins: the longer list is split evenly over the
/// shorter; a list of several with itself means every pair.
Result<std::vector<std::pair<int, int>>> pairs_of(const std::vector<int>& a,
                                                  const std::vector<int>& b) {
  std::vector<std::pair<int, int>> out;
  const std::size_t longer = std::max(a.size(), b.size());
  const std::size_t shorter = std::min(a.size(), b.size());
  if (a == b && longer > 1) {
    if (longer * (longer - 1) / 2 > max_node_links) {
      return bad_input("too many links", std::to_string(longer) + " devices, every pair",
                       fmt::format("at most {} links", max_node_links));
    }
    for (std::size_t i = 0; i < longer; ++i) {
      for (std::size_t j = i + 1; j < longer; ++j) out.emplace_back(a[i], a[j]);
    }
    return out;
  }
  if (longer % shorter != 0) {
    return bad_input("ranges do not match", fmt::format("{} and {} devices", a.size(), b.size()),
                     "equal counts, or one a multiple of the other");
  }
  for (std::size_t i = 0; i < longer; ++i) {
    out.emplace_back(a[i * a.size() / longer], b[i * b.size() / longer]);
  }
  return out;
}

struct Entry {
  std::string from;
  std::string to;
  LinkClass link_class = LinkClass::nvlink;
  double count = 1;
};

/// The members of one entry of "links".
Result<Entry> read_entry(const json::Value& value, const ClusterSpec& spec) {
  constexpr double most_lanes = 4096;
  const std::string form = "[\"from\", \"to\", \"class\"] or [\"from\", \"to\", \"class\", lanes]";
  const bool shaped = value.is_array() && (value.size() == 3 || value.size() == 4) &&
                      value[0].is_string() && value[1].is_string() && value[2].is_string();
  if (!shaped) return bad_input("malformed link", json::brief(value), form);
  Entry entry{value[0].get<std::string>(), value[1].get<std::string>()};
  const std::vector<std::string>& names = link_class_names();
  const auto name = std::find(names.begin(), names.end(), value[2].get<std::string>());
  entry.link_class = static_cast<LinkClass>(name - names.begin());
  if (name == names.end() || entry.link_class == LinkClass::fabric) {
    return bad_input("unknown link class", json::brief(value[2]),
                     one_of(std::span(names).first(4)));
  }
  if (spec.curves[name - names.begin()].bandwidth_bytes_per_s == 0) {
    return bad_input("link class without numbers", json::brief(value[2]),
                     fmt::format("an object '{}' beside 'node'", *name));
  }
  if (value.size() == 3) return entry;
  if (!value[3].is_number() || !(value[3] > 0.0) || !(value[3] <= most_lanes)) {
    return bad_input("bad number of lanes", json::brief(value[3]),
                     fmt::format("a number above 0, at most {:g}", most_lanes));
  }
  entry.count = value[3].get<double>();
  return entry;
}

Status add_links(const json::Value& value, const DeviceNames& names, ClusterSpec& spec) {
  HSAP_TRY(const Entry entry, read_entry(value, spec));
  HSAP_TRY(const std::vector<int> from, names.select(entry.from));
  HSAP_TRY(const std::vector<int> to, names.select(entry.to));
  HSAP_TRY(const auto pairs, pairs_of(from, to));
  for (const auto& [a, b] : pairs) {
    if (a == b) {
      return bad_input("a device linked to itself",
                       "'" + spec.devices[static_cast<std::size_t>(a)].name + "'", "two devices");
    }
    spec.links.push_back({a, b, entry.link_class, entry.count});
  }
  if (spec.links.size() > max_node_links) {
    return bad_input("too many links", std::to_string(spec.links.size()),
                     fmt::format("at most {}", max_node_links));
  }
  return {};
}

}  // namespace

void read_node(json::Object& root, ClusterSpec& spec) {
  json::Object node = root.object("node");
  read_devices(node, spec);
  const json::Value* links = node.raw("links");
  if (links == nullptr || root.failed()) return;
  if (!links->is_array()) {
    node.fail("links", "wrong type", json::brief(*links), "an array of links");
    return;
  }
  const DeviceNames names(spec.devices);
  for (std::size_t i = 0; i < links->size(); ++i) {
    if (const Status status = add_links((*links)[i], names, spec); !status) {
      const Error& error = status.error();
      node.fail("links/" + std::to_string(i), error.message, error.found, error.expected);
      return;
    }
  }
  spec.host_memory_bytes = node.number_or("host_memory_bytes", 0, json::not_negative);
  spec.in_switch = node.number_or("in_switch", 0, json::Limits{0, 1});
  const bool has_switch = std::any_of(spec.devices.begin(), spec.devices.end(),
                                      [](const auto& d) { return d.kind == DeviceKind::nvswitch; });
  if (spec.in_switch > 0 && !has_switch) {
    node.fail("in_switch", "a reduction inside no switch", "no 'nvswitch' in devices",
              "0 or left out");
  }
  node.done();
}

}  // namespace hsap
