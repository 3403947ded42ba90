#include "validate/device/fake_device.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <thread>
#include <utility>

#include "validate/host/kernels.hpp"

namespace hsap::device {
namespace {

int first_key_head(const HeadPlace& heads) {
  return heads.query.begin * heads.model.key_value / heads.model.query;
}

host::Element element_of(const Array& array) {
  return array.dtype == Dtype::bf16 ? host::Element::bf16 : host::Element::fp32;
}

std::byte* place(const Array& array, std::int64_t row, int head) {
  return array.data +
         (row * array.row_stride + std::int64_t{head} * array.width) * array.number_bytes();
}

std::vector<float> read_row(const Array& array, std::int64_t row, int head, int heads) {
  std::vector<float> values(static_cast<std::size_t>(heads * array.width));
  host::load(element_of(array), place(array, row, head), values.size(), values.data());
  return values;
}

void write_row(const Array& array, std::int64_t row, int head, const std::vector<float>& values) {
  host::store(element_of(array), values.data(), values.size(), place(array, row, head));
}

template <typename Use>
void for_each_row(const std::vector<RowPair>& pairs, Use use) {
  for (const RowPair& pair : pairs) {
    for (std::int64_t i = 0; i < pair.count; ++i) use(pair.from + i, pair.to + i);
  }
}

void merge_row(const Merge& call, std::int64_t from, std::int64_t to, int head) {
  const float part = read_row(call.part_lse, from, head, 1)[0];
  const float before = read_row(call.lse, to, head, 1)[0];
  const float top = std::max(part, before);
  if (top == -std::numeric_limits<float>::infinity()) return;
  const float sum = std::exp(before - top) + std::exp(part - top);
  const std::vector<float> more = read_row(call.part_o, from, head, 1);
  std::vector<float> values = read_row(call.o, to, head, 1);
  const float keep = std::exp(before - top) / sum;
  const float take = std::exp(part - top) / sum;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = keep * values[i] + take * more[i];
  write_row(call.o, to, head, values);
  write_row(call.lse, to, head, {top + std::log(sum)});
}

}  // namespace

Result<std::byte*> FakeDevice::allocate(std::int64_t bytes) {
  HSAP_CHECK(outside_of_capture("allocate"));
  const auto size = static_cast<std::size_t>(bytes);
  constexpr std::size_t alignment = 256;
  Piece& piece = memory_.emplace_back();
  piece.owner = std::make_unique<std::byte[]>(size + alignment);
  void* data = piece.owner.get();
  std::size_t room = size + alignment;
  piece.data = static_cast<std::byte*>(std::align(alignment, size, data, room));
  piece.bytes = bytes;
  std::memset(piece.data, 0x7b, size);  // 1.3e36 in either type
  allocated_bytes_ += bytes;
  return piece.data;
}

Status FakeDevice::write(std::byte* to, std::span<const std::byte> from) {
  HSAP_CHECK(synchronize());
  std::memcpy(to, from.data(), from.size());
  return {};
}

Status FakeDevice::read(std::span<std::byte> to, const std::byte* from) {
  HSAP_CHECK(synchronize());
  std::memcpy(to.data(), from, to.size());
  return {};
}

StreamId FakeDevice::make_stream(Stream) {
  const auto stream = static_cast<StreamId>(queues_.streams.size());
  queues_.streams[stream];
  return stream;
}

EventId FakeDevice::make_event() {
  events_.emplace_back();
  return static_cast<EventId>(events_.size()) - 1;
}

void FakeDevice::Queues::record(StreamId stream, EventId event) {
  ++asked[event];
  Task task;
  task.records = event;
  streams[stream].push_back(std::move(task));
}

void FakeDevice::Queues::wait(StreamId stream, EventId event) {
  Task task;
  task.waits_for = event;
  task.happened = asked[event];
  streams[stream].push_back(std::move(task));
}

bool FakeDevice::Queues::can_go_on(const std::deque<Task>& stream) const {
  if (stream.empty()) return false;
  const Task& task = stream.front();
  if (task.waits_for < 0 || task.happened == 0) return true;
  const auto found = happened.find(task.waits_for);
  return found != happened.end() && found->second >= task.happened;
}

Status FakeDevice::record(EventId event, StreamId stream) {
  if (!captures(stream)) {
    at(event).latest = Recorded::on_a_stream;
    queues_.record(stream, event);
    return {};
  }
  at(event).latest = Recorded::in_a_graph;
  capture_->queues.record(stream, event);
  capture_->recorded[event] = capture_->reached[stream];
  return {};
}

Status FakeDevice::record_time(EventId event, StreamId stream) {
  at(event).latest = Recorded::for_its_time;
  if (captures(stream)) ++capture_->reached[stream][stream];
  (captures(stream) ? capture_->queues : queues_).record(stream, event);
  return {};
}

Status FakeDevice::wait(StreamId stream, EventId event) {
  if (at(event).latest == Recorded::for_its_time) {
    return infeasible("a wait for an event that was recorded for its time");
  }
  const bool in_a_graph = at(event).latest == Recorded::in_a_graph;
  if (in_a_graph && capture_ && capture_->recorded.contains(event)) {
    // A stream that comes to the capture must be joined again, whatever it does.
    if (!captures(stream)) capture_->reached[stream][stream] = 1;
    for (const auto& [other, count] : capture_->recorded[event]) {
      int& before = capture_->reached[stream][other];
      before = std::max(before, count);
    }
    capture_->queues.wait(stream, event);
    return {};
  }
  if (captures(stream)) return broken("a wait for an event from outside of the capture");
  if (in_a_graph) return infeasible("a wait for an event inside a graph");
  queues_.wait(stream, event);
  return {};
}

Status FakeDevice::begin_capture(StreamId stream) {
  HSAP_CHECK(outside_of_capture("begin of a capture"));
  capture_ = Capture{stream, {}, {{stream, {}}}, {}, {}};
  return {};
}

Result<Launch> FakeDevice::end_capture(StreamId stream) {
  if (!capture_ || capture_->origin != stream) {
    return infeasible("end of a capture that did not begin on this stream");
  }
  Capture capture = *std::exchange(capture_, std::nullopt);
  HSAP_CHECK(capture.wrong);
  Reached& joined = capture.reached[stream];
  for (auto& [other, reached] : capture.reached) {
    if (joined[other] == reached[other]) continue;
    return infeasible("a stream of the capture was not joined at its end");
  }
  const auto graph = std::make_shared<Graph>();
  graph->captured = std::move(capture.queues);
  return Launch([this, graph](StreamId on) -> Status {
    put(on, [this, graph, run = std::make_shared<std::optional<Queues>>()] {
      return advance(*graph, *run);
    });
    return {};
  });
}

bool FakeDevice::advance(Graph& graph, std::optional<Queues>& run) {
  if (!run) {
    if (graph.runs) return false;
    graph.runs = true;
    run = graph.captured;
  }
  Step last = Step::moved;
  while (last == Step::moved) last = step(*run);
  if (last != Step::ended) return false;
  run.reset();
  graph.runs = false;
  return true;
}

Status FakeDevice::broken(const std::string& why) {
  capture_->wrong = infeasible(why);
  return capture_->wrong;
}

Status FakeDevice::outside_of_capture(const char* call) {
  if (!capture_) return {};
  return broken(std::string(call) + " during a capture");
}

FakeDevice::Step FakeDevice::step(Queues& queues) {
  std::vector<std::deque<Task>*> able;
  bool empty = true;
  for (auto& [number, stream] : queues.streams) {
    empty = empty && stream.empty();
    if (queues.can_go_on(stream)) able.push_back(&stream);
  }
  if (empty) return Step::ended;
  if (able.empty()) return Step::stuck;
  std::shuffle(able.begin(), able.end(), random_);
  // What waits for other ranks leaves its turn to the next.
  const bool moved = std::any_of(able.begin(), able.end(), [&](std::deque<Task>* stream) {
    const Task& task = stream->front();
    if (task.attempt && !task.attempt()) return false;
    if (task.records >= 0) {
      ++queues.happened[task.records];
      at(task.records).work_before = work_;
    }
    stream->pop_front();
    return true;
  });
  return moved ? Step::moved : Step::waits;
}

Status FakeDevice::synchronize() {
  HSAP_CHECK(outside_of_capture("synchronize"));
  while (wrong_) {
    const Step last = step(queues_);
    if (last == Step::ended) return {};
    if (last == Step::stuck) return infeasible("streams wait for each other");
    if (last == Step::moved) continue;
    if (poll_) HSAP_CHECK(poll_());
    std::this_thread::yield();
  }
  return wrong_;
}

Result<double> FakeDevice::seconds_between(EventId begin, EventId end) {
  for (const EventId event : {begin, end}) {
    const Recorded latest = at(event).latest;
    if (latest == Recorded::never) return infeasible("an event that was never recorded");
    if (latest == Recorded::in_a_graph) return infeasible("an event inside a graph has no time");
  }
  return double(at(end).work_before - at(begin).work_before);
}

void FakeDevice::put(StreamId stream, std::function<bool()> attempt) {
  Task task;
  task.attempt = std::move(attempt);
  if (captures(stream)) ++capture_->reached[stream][stream];
  (captures(stream) ? capture_->queues : queues_).streams[stream].push_back(std::move(task));
}

host::View FakeDevice::view(const Array& array, int first_head) {
  std::unique_ptr<host::Rows>& rows = rows_[array.rows];
  if (!rows) {
    const Interval all = make_interval(0, static_cast<Token>(array.rows));
    rows = std::make_unique<host::Rows>(std::span(&all, 1));
  }
  // Host kernels take whole buffers: the heads of one row fill it from end to end.
  const auto stride_heads = static_cast<int>(array.row_stride / array.width);
  return {array.data,
          element_of(array),
          {static_cast<std::uint16_t>(first_head),
           static_cast<std::uint16_t>(first_head + stride_heads)},
          static_cast<std::size_t>(array.width),
          rows.get()};
}

Status FakeDevice::check_operand(const Array& array) const {
  const auto begin = reinterpret_cast<std::uintptr_t>(array.data);
  const std::int64_t last_row = (array.rows - 1) * array.row_stride * array.number_bytes();
  const auto end = begin + static_cast<std::uintptr_t>(last_row + array.row_bytes());
  const bool inside = std::any_of(memory_.begin(), memory_.end(), [&](const Piece& piece) {
    const auto first = reinterpret_cast<std::uintptr_t>(piece.data);
    return begin >= first && end <= first + static_cast<std::uintptr_t>(piece.bytes);
  });
  if (!inside) return infeasible("attention beyond the memory that was taken");
  const bool rows_align = array.row_bytes() / array.heads % 16 == 0;
  if (rows_align && begin % 16 != 0) return infeasible("attention over misaligned operands");
  for (std::int64_t row = 0; row < array.rows; ++row) {
    for (const float value : read_row(array, row, 0, array.heads)) {
      if (!std::isfinite(value)) return infeasible("attention beside numbers that are not finite");
    }
  }
  return {};
}

Launch FakeDevice::attention(std::vector<Array> operands, std::function<void()> attend) {
  return [this, operands = std::move(operands), attend = std::move(attend)](StreamId stream) {
    put(stream, [this, operands, attend] {
      for (const Array& operand : operands) {
        if (wrong_) wrong_ = check_operand(operand);
      }
      attend();
      ++work_;
      return true;
    });
    return Status();
  };
}

Result<Launch> FakeDevice::prepare(const Attend& call) {
  HSAP_CHECK(outside_of_capture("prepare"));
  const int head = call.heads.query.begin;
  const int key_head = first_key_head(call.heads);
  const host::Attend on{view(call.q, head), view(call.k, key_head), view(call.v, key_head),
                        view(call.o, head), view(call.lse, head)};
  return attention({call.q, call.k, call.v}, [call, on] {
    host::attend<float>(on, {call.heads.query, call.heads.model}, call.slices, call.accumulate);
  });
}

Result<Launch> FakeDevice::prepare(const AttendBackward& call) {
  HSAP_CHECK(outside_of_capture("prepare"));
  const int head = call.heads.query.begin;
  const int key_head = first_key_head(call.heads);
  const host::AttendBackward on{
      view(call.q, head),    view(call.k, key_head),  view(call.v, key_head),
      view(call.dout, head), view(call.lse, head),    view(call.delta, head),
      view(call.dq, head),   view(call.dk, key_head), view(call.dv, key_head)};
  return attention({call.q, call.k, call.v, call.dout}, [call, on] {
    host::attend_backward<float>(on, {call.heads.query, call.heads.model}, call.slices,
                                 call.accumulate_query, call.accumulate_key);
  });
}

Result<Launch> FakeDevice::prepare(const Delta& call) {
  HSAP_CHECK(outside_of_capture("prepare"));
  const HeadRange heads{0, static_cast<std::uint16_t>(call.delta.heads)};
  return Launch([this, heads, o = view(call.o, 0), dout = view(call.dout, 0),
                 delta = view(call.delta, 0)](StreamId stream) -> Status {
    put(stream, [=, this] {
      host::row_products<float>(o, dout, delta, heads);
      ++work_;
      return true;
    });
    return {};
  });
}

Result<Launch> FakeDevice::prepare(const Merge& call) {
  HSAP_CHECK(outside_of_capture("prepare"));
  return Launch([this, call](StreamId stream) -> Status {
    put(stream, [this, call] {
      for_each_row(call.rows, [&](std::int64_t from, std::int64_t to) {
        for (int head = 0; head < call.part_o.heads; ++head) merge_row(call, from, to, head);
      });
      ++work_;
      return true;
    });
    return {};
  });
}

Result<Launch> FakeDevice::prepare(const Move& call) {
  HSAP_CHECK(outside_of_capture("prepare"));
  return Launch([this, call](StreamId stream) -> Status {
    put(stream, [this, call] {
      for_each_row(call.rows, [&](std::int64_t from, std::int64_t to) {
        std::vector<float> values = read_row(call.from, from, 0, call.from.heads);
        if (call.add) {
          const std::vector<float> before = read_row(call.to, to, 0, call.to.heads);
          for (std::size_t i = 0; i < values.size(); ++i) values[i] += before[i];
        }
        write_row(call.to, to, 0, values);
      });
      ++work_;
      return true;
    });
    return {};
  });
}

}  // namespace hsap::device
