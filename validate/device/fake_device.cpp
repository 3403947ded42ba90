#include "validate/device/fake_device.hpp"

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

namespace hsap::device {

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

}  // namespace hsap::device
