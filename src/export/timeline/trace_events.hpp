#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hsap/schedule.hpp"

namespace hsap {

/// The events of a Chrome trace, one a line. Moments are whole nanoseconds from the start of the
/// trace, so that rounding cannot make neighbours overlap.
class TraceEvents {
 public:
  /// An event of the given members.
  void add(const std::string& members) { body_ += (body_.empty() ? "{" : ",\n{") + members + "}"; }
  /// Names a process, and puts it in the order of numbers.
  void name_process(int process, const std::string& name);
  void name_thread(int process, int thread, const std::string& name);
  /// An operation from begin to end; `more` are further arguments.
  void add_span(int process, int thread, const Schedule& schedule, Index operation,
                std::int64_t begin, std::int64_t end, const std::string& more = {});
  /// The whole trace. `facts` become "otherData", with text as a JSON string and numbers as they
  /// are.
  [[nodiscard]] std::string finish(
      const std::vector<std::pair<std::string, std::string>>& facts,
      const std::vector<std::pair<std::string, std::int64_t>>& counts) const;

 private:
  void metadata(const char* what, int process, int thread, const std::string& value);

  std::string body_;
};

/// Text as a JSON string, quotes included.
[[nodiscard]] std::string trace_text(std::string_view text);

/// Nanoseconds as microseconds, the unit of the format.
[[nodiscard]] std::string microseconds(std::int64_t ticks);

}  // namespace hsap
