#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/lines.hpp"
#include "cost/measurements/nccl_log.hpp"
#include "cost/measurements/read.hpp"

namespace hsap::fit {
namespace {

Error at_file(const std::string& path, Error error) {
  error.file = path;
  return error;
}

/// The first line that says something tells the form.
Result<bool> looks_like_json(const std::string& path) {
  HSAP_TRY(LineReader lines, LineReader::open(path, max_file_bytes, max_file_bytes));
  for (std::string line; lines.next(line);) {
    const std::size_t first = line.find_first_not_of(" \t");
    if (first != std::string::npos) return line[first] == '{';
  }
  HSAP_CHECK(lines.status());
  return at_file(path, bad_input("an empty file"));
}

/// GPUs of the cluster by group, in the order of ranks.
using Groups = std::map<int, std::vector<int>>;

/// Hosts are nodes of the cluster in the order of their first ranks.
Result<Groups> groups_of(const NcclLog& log, int gpus_per_node) {
  std::map<std::string, int> hosts;
  std::set<int> gpus;
  Groups groups;
  std::vector<NcclLog::Rank> ranks = log.ranks;
  std::sort(ranks.begin(), ranks.end(), [](auto& a, auto& b) { return a.rank < b.rank; });
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (ranks[i].rank != static_cast<int>(i)) {
      return bad_input("ranks are missing or given twice", std::to_string(ranks[i].rank),
                       std::to_string(i));
    }
    if (ranks[i].device >= gpus_per_node) {
      return bad_input("a device that nodes of the cluster do not have",
                       std::to_string(ranks[i].device),
                       fmt::format("at most {}", gpus_per_node - 1));
    }
    const int node = hosts.emplace(ranks[i].host, static_cast<int>(hosts.size())).first->second;
    const int gpu = node * gpus_per_node + ranks[i].device;
    // Ranks that see one GPU each call it device 0, and do not tell which it is.
    if (!gpus.insert(gpu).second) {
      return bad_input(
          "two ranks on one GPU",
          fmt::format("device {} of {} again, rank {}", ranks[i].device, ranks[i].host, i),
          "ranks that see all GPUs of their node, each using its own");
    }
    groups[ranks[i].group].push_back(gpu);
  }
  return groups;
}

/// Every rank sends to the next one of its group, the last to the first; all groups at once.
Result<std::vector<Transfer>> rings_of(const Groups& groups, std::size_t ranks) {
  const Error alone =
      bad_input("not two ranks, each with a GPU of its own", fmt::format("{} ranks", ranks),
                "a line '# Rank N ... on HOST device N' for each");
  std::vector<Transfer> transfers;
  for (const auto& [group, gpus] : groups) {
    for (std::size_t i = 0; i < gpus.size(); ++i) {
      const Transfer pair{gpus[i], gpus[(i + 1) % gpus.size()]};
      if (pair.from == pair.to) return alone;
      transfers.push_back(pair);
    }
  }
  if (transfers.empty()) return alone;
  return transfers;
}

}  // namespace

Status read_nccl(const std::string& path, int gpus_per_node, Data& data) {
  HSAP_TRY(const bool json, looks_like_json(path));
  HSAP_TRY(NcclLog log, json ? read_nccl_json(path) : read_nccl_text(path));
  const std::string file = std::filesystem::path(path).filename().string();
  if (log.test.empty()) log.test = test_named(file);
  if (log.test.empty()) {
    return at_file(path, bad_input("neither the log nor the name of the file tells the test", file,
                                   "a name with sendrecv, all_gather, ..."));
  }
  data.files.push_back(path);
  if (log.test != "sendrecv") {
    data.unused.push_back(fmt::format(
        "{}: {} tells of NCCL's algorithm as much as of the links; only sendrecv is fitted", file,
        log.test));
    return {};
  }
  const Result<Groups> groups = groups_of(log, gpus_per_node);
  if (!groups) return at_file(path, groups.error());
  const Result<std::vector<Transfer>> rings = rings_of(*groups, log.ranks.size());
  if (!rings) return at_file(path, rings.error());
  const std::size_t pattern = data.pattern_of(*rings);
  if (pattern >= max_patterns || data.transfers.size() + log.rows.size() > max_rows) {
    return at_file(path, bad_input("too many rows or patterns in all files together"));
  }
  for (const NcclLog::Row& row : log.rows) {
    data.transfers.push_back({{data.files.size() - 1, row.line}, pattern, row.bytes, row.seconds});
  }
  return {};
}

}  // namespace hsap::fit
