#include "export/timeline/trace_events.hpp"

#include <fmt/format.h>

#include "base/json.hpp"

namespace hsap {
namespace {

std::string arguments_of(const Schedule& schedule, Index index) {
  const Operation& op = schedule.operations[index];
  std::string text = fmt::format("\"operation\":{}", index);
  if (op.kind == Kind::exchange) {
    std::int64_t sent = 0;
    for (const Transfer& transfer : schedule.transfers_of(op)) {
      if (transfer.direction == Direction::send) sent += schedule.bytes(transfer);
    }
    text += fmt::format(",\"sent_bytes\":{}", sent);
  } else if (op.kind == Kind::attend || op.kind == Kind::attend_backward) {
    std::int64_t pairs = 0;
    for (const Slice& slice : schedule.slices_of(op)) pairs += area(slice);
    text += fmt::format(",\"pairs\":{},\"heads\":{}", pairs, op.heads.size());
  }
  return text;
}

}  // namespace

std::string trace_text(std::string_view text) {
  return json::Value(text).dump(-1, ' ', false, json::Value::error_handler_t::replace);
}

std::string microseconds(std::int64_t ticks) {
  return fmt::format("{}.{:03}", ticks / 1000, ticks % 1000);
}

void TraceEvents::metadata(const char* what, int process, int thread, const std::string& value) {
  add(fmt::format(R"("ph":"M","name":"{}","pid":{},"tid":{},"args":{{{}}})", what, process, thread,
                  value));
}

void TraceEvents::name_process(int process, const std::string& name) {
  metadata("process_name", process, 0, "\"name\":" + trace_text(name));
  metadata("process_sort_index", process, 0, fmt::format("\"sort_index\":{}", process));
}

void TraceEvents::name_thread(int process, int thread, const std::string& name) {
  metadata("thread_name", process, thread, "\"name\":" + trace_text(name));
  metadata("thread_sort_index", process, thread, fmt::format("\"sort_index\":{}", thread));
}

void TraceEvents::add_span(int process, int thread, const Schedule& schedule, Index operation,
                           std::int64_t begin, std::int64_t end, const std::string& more) {
  add(fmt::format(
      R"("ph":"X","name":"{}","cat":"{}","pid":{},"tid":{},"ts":{},"dur":{},"args":{{{}{}}})",
      to_string(schedule.operations[operation].kind), to_string(schedule.pass), process, thread,
      microseconds(begin), microseconds(end - begin), arguments_of(schedule, operation), more));
}

std::string TraceEvents::finish(
    const std::vector<std::pair<std::string, std::string>>& facts,
    const std::vector<std::pair<std::string, std::int64_t>>& counts) const {
  std::string data;
  for (const auto& [key, value] : facts) {
    data += fmt::format("{}:{},\n", trace_text(key), trace_text(value));
  }
  for (const auto& [key, value] : counts) data += fmt::format("{}:{},", trace_text(key), value);
  data.resize(data.find_last_of(','));
  return fmt::format(
      "{{\"displayTimeUnit\":\"ns\",\n\"otherData\":{{{}}},\n\"traceEvents\":[\n{}\n]}}\n", data,
      body_);
}

}  // namespace hsap
