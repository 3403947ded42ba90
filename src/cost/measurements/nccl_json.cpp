#include <fmt/format.h>

#include <algorithm>

#include "base/json.hpp"
#include "cost/measurements/nccl_log.hpp"
#include "cost/measurements/read.hpp"

namespace hsap::fit {
namespace {

using json::Value;

/// Members that nobody asks for are many and differ between versions, so they are not looked at.
class JsonLogReader {
 public:
  JsonLogReader(const Value& root, std::string file) : root_(root), file_(std::move(file)) {}

  Result<NcclLog> read() {
    if (!root_.is_object()) return error("", "not a log of nccl-tests", root_);
    if (root_.contains("args") && root_["args"].is_array() && !root_["args"].empty() &&
        root_["args"][0].is_string()) {
      log_.test = test_named(root_["args"][0].get<std::string>());
    }
    HSAP_CHECK(read_ranks());
    const Value* results = member(root_, "results");
    if (results == nullptr || !results->is_array()) return missing("/results", results, "a list");
    if (results->size() > max_rows) return error("/results", "too many rows", *results);
    for (std::size_t i = 0; i < results->size(); ++i) {
      HSAP_CHECK(read_result((*results)[i], fmt::format("/results/{}", i)));
    }
    return std::move(log_);
  }

 private:
  static const Value* member(const Value& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
  }

  [[nodiscard]] Error error(const std::string& pointer, const std::string& message,
                            const Value& found, const std::string& expected = {}) const {
    Error out = bad_input(message, json::brief(found), expected);
    out.file = file_;
    out.position = pointer;
    return out;
  }

  [[nodiscard]] Error missing(const std::string& pointer, const Value* found,
                              const std::string& expected) const {
    const std::string message = found == nullptr ? "a member is missing" : "wrong value";
    Error out = error(pointer, message, found == nullptr ? Value() : *found, expected);
    if (found == nullptr) out.found.clear();
    return out;
  }

  Result<double> number(const Value& object, const char* key, const std::string& pointer,
                        double low, double high) const {
    const Value* value = member(object, key);
    if (value != nullptr && value->is_number()) {
      const double found = value->get<double>();
      if (found >= low && found <= high) return found;
    }
    return missing(pointer + "/" + key, value,
                   fmt::format("a number from {:g} to {:g}", low, high));
  }

  Status read_ranks() {
    const Value* config = member(root_, "config");
    const Value* devices = config == nullptr ? nullptr : member(*config, "devices");
    if (devices == nullptr || !devices->is_array()) {
      return missing("/config/devices", devices, "a list");
    }
    if (devices->size() > static_cast<std::size_t>(max_ranks)) {
      return error("/config/devices", "too many ranks", *devices);
    }
    for (std::size_t i = 0; i < devices->size(); ++i) {
      const Value& device = (*devices)[i];
      const std::string pointer = fmt::format("/config/devices/{}", i);
      HSAP_TRY(const double rank, number(device, "rank", pointer, 0, max_ranks - 1));
      HSAP_TRY(const double at, number(device, "device", pointer, 0, max_ranks - 1));
      const Value* host = member(device, "hostname");
      if (host == nullptr || !host->is_string()) {
        return missing(pointer + "/hostname", host, "a text");
      }
      double group = 0;
      if (device.contains("group")) {
        HSAP_TRY(group, number(device, "group", pointer, 0, max_ranks - 1));
      }
      log_.ranks.push_back({static_cast<int>(rank), host->get<std::string>(), static_cast<int>(at),
                            static_cast<int>(group)});
    }
    return add_unlisted(*config);
  }

  /// Of a process with several GPUs nccl-tests 2.17 lists the first alone; the others follow it.
  Status add_unlisted(const Value& config) {
    double each = 1;
    for (const char* key : {"nthreads", "ngpus"}) {
      if (!config.contains(key)) continue;
      HSAP_TRY(const double count, number(config, key, "/config", 1, max_ranks));
      each *= count;
    }
    const auto of_process = static_cast<std::int64_t>(each);
    const bool firsts = std::all_of(log_.ranks.begin(), log_.ranks.end(), [&](const auto& listed) {
      return listed.rank % of_process == 0;
    });
    if (!firsts) return {};
    if (each * static_cast<double>(log_.ranks.size()) > max_ranks) {
      return error("/config", "too many ranks", config);
    }
    const std::vector<NcclLog::Rank> listed = log_.ranks;
    for (NcclLog::Rank rank : listed) {
      for (std::int64_t i = 1; i < of_process; ++i) {
        ++rank.rank;
        ++rank.device;
        log_.ranks.push_back(rank);
      }
    }
    return {};
  }

  Status read_result(const Value& result, const std::string& pointer) {
    HSAP_TRY(const double bytes, number(result, "size", pointer, 0, max_message_bytes));
    for (const char* half : {"out_of_place", "in_place"}) {
      const Value* times = member(result, half);
      if (times == nullptr || !times->is_object()) continue;  // not measured
      const bool of_host = !times->contains("time");
      const char* clock = of_host ? "cpu_time" : "time";
      const std::string place = pointer + "/" + half;
      HSAP_TRY(const double us, number(*times, clock, place, min_microseconds, max_microseconds));
      HSAP_TRY(const double rate, number(*times, "alg_bw", place, 0, 1e9));
      if (of_host) {
        const std::optional<double> seconds = seconds_by_rate(bytes, rate);
        if (seconds) log_.rows.push_back({0, bytes, *seconds});
        return {};
      }
      if (!consistent(bytes, us, rate)) {
        return error(place, "size, time and alg_bw contradict each other", (*times)["alg_bw"],
                     fmt::format("{:.2f}", bytes / us * 1e-3));
      }
      if (bytes > 0) log_.rows.push_back({0, bytes, us * 1e-6});
      return {};
    }
    return {};
  }

  const Value& root_;
  std::string file_;
  NcclLog log_;
};

}  // namespace

Result<NcclLog> read_nccl_json(const std::string& path) {
  HSAP_TRY(const Value root, json::read(path, max_file_bytes));
  return JsonLogReader(root, path).read();
}

}  // namespace hsap::fit
