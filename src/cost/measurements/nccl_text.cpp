#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>

#include "base/lines.hpp"
#include "base/units.hpp"
#include "cost/measurements/nccl_log.hpp"
#include "cost/measurements/read.hpp"

namespace hsap::fit {
namespace {

constexpr std::size_t most_words = 256;

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; words.size() < most_words && in >> word;) words.push_back(word);
  return words;
}

/// Without the "[1,0]<stdout>:" that mpirun puts before each line.
std::string untagged(const std::string& line) {
  const std::size_t tag = line.find(">:");
  return line.starts_with('[') && tag != std::string::npos ? line.substr(tag + 2) : line;
}

bool is_whole(const std::string& word) {
  return !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
}

std::optional<int> whole(const std::string& word, int most) {
  int value = 0;
  const char* end = word.data() + word.size();
  const auto [stop, code] = std::from_chars(word.data(), end, value);
  if (code != std::errc{} || stop != end || value < 0 || value > most) return {};
  return value;
}

std::string brief(const std::string& line) {
  constexpr std::size_t most = 60;
  return "'" + (line.size() <= most ? line : line.substr(0, most) + "...") + "'";
}

class TextLogReader {
 public:
  explicit TextLogReader(LineReader lines) : lines_(std::move(lines)) {}

  Result<NcclLog> read() {
    for (std::string line; lines_.next(line);) {
      line = untagged(line);
      const std::vector<std::string> words = words_of(line);
      if (words.empty()) continue;
      if (words[0].starts_with('#')) {
        HSAP_CHECK(read_comment(line, words));
      } else if (is_whole(words[0])) {
        HSAP_CHECK(read_row(line, words));
      }
    }
    HSAP_CHECK(lines_.status());
    if (columns_.empty()) {
      return lines_.error("not a log of nccl-tests", "no header",
                          "a line with size, time, algbw and busbw");
    }
    if (!closed_) return lines_.error("the log ends too early", "no '# Avg bus bandwidth'");
    return std::move(log_);
  }

 private:
  Status read_comment(const std::string& line, const std::vector<std::string>& words) {
    const auto has = [&](const char* word) {
      return std::find(words.begin(), words.end(), word) != words.end();
    };
    if (line.find("Avg bus bandwidth") != std::string::npos) closed_ = true;
    if (line.find("test starting:") != std::string::npos) log_.test = test_named(words.back());
    if (has("size") && has("count")) return read_header(line, words);
    if (has("(B)")) return check_units(line, words);
    if (words.size() > 2 && words[1] == "Rank") return read_rank(line, words);
    return {};
  }

  /// "# Rank 0 Group 0 Pid 1234 on host device 0 [0000:1b:00.0] name".
  Status read_rank(const std::string& line, const std::vector<std::string>& words) {
    const auto after = [&](const char* word) {
      const auto found = std::find(words.begin(), words.end(), word);
      return found == words.end() || found + 1 == words.end() ? "" : *(found + 1);
    };
    const std::optional<int> rank = whole(after("Rank"), max_ranks - 1);
    const std::optional<int> device = whole(after("device"), max_ranks - 1);
    if (!rank || !device || after("on").empty()) {
      return lines_.error("bad line of a rank", brief(line), "Rank N ... on HOST device N");
    }
    if (log_.ranks.size() >= static_cast<std::size_t>(max_ranks)) {
      return lines_.error("too many ranks", "more", fmt::format("at most {}", max_ranks));
    }
    const int group = whole(after("Group"), max_ranks - 1).value_or(0);
    log_.ranks.push_back({*rank, after("on"), *device, group});
    return {};
  }

  Status read_header(const std::string& line, const std::vector<std::string>& words) {
    if (!columns_.empty()) {
      return lines_.error("a second run in one log", brief(line), "a file for each run");
    }
    columns_.assign(words.begin() + 1, words.end());
    if (words[0] != "#") columns_.insert(columns_.begin(), words[0].substr(1));
    for (std::size_t i = 0; i + 2 < columns_.size(); ++i) {
      if (columns_[i] == "cputime") of_host_ = true;
      const bool time = columns_[i] == "time" || columns_[i] == "cputime";
      if (time && columns_[i + 1] == "algbw") times_.push_back(i);
    }
    if (columns_[0] == "size" && !times_.empty()) return {};
    return lines_.error("columns missing in the header", brief(line),
                        "size first, and time, algbw and busbw");
  }

  /// -I adds three times and a share to each half.
  Status check_units(const std::string& line, const std::vector<std::string>& words) const {
    const auto count = [&](const char* word) {
      return static_cast<std::size_t>(std::count(words.begin(), words.end(), word));
    };
    const std::size_t times = count("(us)");
    const bool in_us = times == times_.size() || (times == 4 * times_.size() && count("(%)") > 0);
    if (in_us && count("(GB/s)") == 2 * times_.size()) return {};
    return lines_.error("unknown units", brief(line), "(B), (us) and (GB/s)");
  }

  /// Columns redop and root may be blank in old versions, so they are counted from the end where
  /// words are missing; the rate tells whether that was right.
  Status read_row(const std::string& line, const std::vector<std::string>& words) {
    if (columns_.empty()) return {};
    const std::size_t blank = words.size() < columns_.size() ? columns_.size() - words.size() : 0;
    if (blank > 2) {
      return lines_.error("a row cut short", fmt::format("{} words", words.size()),
                          std::to_string(columns_.size()));
    }
    if (log_.rows.size() >= max_rows) {
      return lines_.error("too many rows", "more", fmt::format("at most {}", max_rows));
    }
    HSAP_TRY(const double bytes, number(words[0], 0, max_message_bytes));
    for (const std::size_t time : times_) {
      if (time <= blank || time + 1 >= columns_.size()) {
        return lines_.error("no time and rate after the size", brief(line));
      }
      const std::size_t at = time - blank;
      if (words[at] == "N/A") continue;
      HSAP_TRY(const double us, number(words[at], min_microseconds, max_microseconds));
      HSAP_TRY(const double rate, number(words[at + 1], 0, 1e9));
      if (of_host_) {
        const std::optional<double> seconds = seconds_by_rate(bytes, rate);
        if (seconds) log_.rows.push_back({lines_.number(), bytes, *seconds});
        return {};
      }
      if (!consistent(bytes, us, rate)) {
        return lines_.error("size, time and algbw contradict each other", brief(line),
                            fmt::format("algbw {:.2f}", bytes / us * 1e-3));
      }
      if (bytes > 0) log_.rows.push_back({lines_.number(), bytes, us * 1e-6});
      return {};
    }
    return {};
  }

  Result<double> number(const std::string& word, double low, double high) const {
    const Result<double> value = parse_number(word, "number");
    if (value.ok() && *value >= low && *value <= high) return *value;
    return lines_.error("bad number", brief(word), fmt::format("from {:g} to {:g}", low, high));
  }

  LineReader lines_;
  NcclLog log_;
  std::vector<std::string> columns_;  ///< of the header
  std::vector<std::size_t> times_;    ///< columns of time: out of place, then in place
  bool of_host_ = false;              ///< times are those of the host that issues
  bool closed_ = false;
};

}  // namespace

std::string test_named(const std::string& text) {
  for (const char* test : {"sendrecv", "all_gather", "all_reduce", "reduce_scatter", "alltoall",
                           "broadcast", "hypercube", "scatter", "gather", "reduce"}) {
    if (text.find(test) != std::string::npos) return test;
  }
  return {};
}

std::optional<double> seconds_by_rate(double bytes, double gigabytes_per_s) {
  constexpr double least = 0.1;  // of two decimals
  if (bytes <= 0 || gigabytes_per_s < least) return {};
  return bytes / gigabytes_per_s * 1e-9;
}

bool consistent(double bytes, double microseconds, double gigabytes_per_s) {
  constexpr double printed = 0.0051;  // two decimals
  const double rate = bytes / microseconds * 1e-3;
  return std::abs(rate - gigabytes_per_s) <= printed + 0.02 * rate;
}

Result<NcclLog> read_nccl_text(const std::string& path) {
  HSAP_TRY(LineReader lines, LineReader::open(path, max_file_bytes, max_line_bytes));
  return TextLogReader(std::move(lines)).read();
}

}  // namespace hsap::fit
