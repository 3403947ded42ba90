#include "validate/device/cuda_device.hpp"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace hsap::device {
namespace {

Status check(cudaError_t error, const char* call) {
  if (error == cudaSuccess) return {};
  return infeasible(fmt::format("{}: {}", call, cudaGetErrorString(error)));
}

cudaStream_t as_stream(void* stream) { return static_cast<cudaStream_t>(stream); }
cudaEvent_t as_event(void* event) { return static_cast<cudaEvent_t>(event); }

kernels::Tensor tensor(const Array& array) {
  return {array.data, array.dtype, array.width, array.row_stride, array.width};
}

kernels::AttentionShape shape_of(const HeadPlace& heads, std::int64_t query_rows,
                                 std::int64_t key_rows) {
  const int group = heads.model.query / heads.model.key_value;
  const int first_key = heads.query.begin / group;
  kernels::AttentionShape shape;
  shape.query_rows = static_cast<std::int32_t>(query_rows);
  shape.key_rows = static_cast<std::int32_t>(key_rows);
  shape.heads = heads.query.size();
  shape.key_heads = (heads.query.end - 1) / group - first_key + 1;
  shape.heads_per_key_head = group;
  shape.head_offset = heads.query.begin - first_key * group;
  shape.head_dim = heads.model.dim;
  return shape;
}

float scale_of(const HeadPlace& heads) {
  return static_cast<float>(1 / std::sqrt(static_cast<double>(heads.model.dim)));
}

}  // namespace

Result<int> CudaDevice::count() {
  // Streams that share one of CUDA's 8 queues wait for each other in the order of issue. Ours and
  // NCCL's are more, and ranks that issue in different orders would wait for each other for ever.
  ::setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", 0);
  int devices = 0;
  HSAP_CHECK(check(cudaGetDeviceCount(&devices), "no CUDA device"));
  if (devices == 0) return infeasible("no CUDA device");
  return devices;
}

Result<std::string> CudaDevice::address(int number) {
  char text[32] = {};
  HSAP_CHECK(check(cudaDeviceGetPCIBusId(text, sizeof text, number), "cudaDeviceGetPCIBusId"));
  return fmt::format("GPU {}", text);
}

Result<kernels::Device> CudaDevice::select(const Options& options) {
  HSAP_CHECK(count());
  HSAP_CHECK(check(cudaSetDevice(options.number), "cudaSetDevice"));
  return kernels::current_device();
}

CudaDevice::CudaDevice(kernels::Device hardware, const Options& options)
    : hardware_(std::move(hardware)), options_(options) {
  if (options_.max_sms == 0 && options_.kept_sms > 0) {
    options_.max_sms = std::max(1, hardware_.sms - options_.kept_sms);
  }
}

Result<std::unique_ptr<CudaDevice>> CudaDevice::make(const Options& options) {
  HSAP_TRY(kernels::Device hardware, select(options));
  return std::unique_ptr<CudaDevice>(new CudaDevice(std::move(hardware), options));
}

CudaDevice::~CudaDevice() {
  cudaDeviceSynchronize();
  for (void* event : events_) cudaEventDestroy(as_event(event));
  for (void* stream : streams_) cudaStreamDestroy(as_stream(stream));
  for (void* memory : memory_) cudaFree(memory);
}

Result<std::byte*> CudaDevice::allocate(std::int64_t bytes) {
  void* data = nullptr;
  const auto size = static_cast<std::size_t>(bytes);
  if (Status taken = check(cudaMalloc(&data, size), "cudaMalloc"); !taken) {
    Error error = taken.error();
    error.message += fmt::format(" for {} bytes after {}", bytes, allocated_bytes_);
    return error;
  }
  memory_.push_back(data);
  HSAP_CHECK(begin_use(data, bytes));
  return static_cast<std::byte*>(data);
}

Status CudaDevice::begin_use(void* memory, std::int64_t bytes) {
  allocated_bytes_ += bytes;
  HSAP_CHECK(check(cudaMemset(memory, 0, static_cast<std::size_t>(bytes)), "cudaMemset"));
  return synchronize();  // the zeros may come later, and streams of make_stream() do not wait
}

Result<std::int64_t> CudaDevice::used_bytes() const {
  std::size_t free = 0;
  std::size_t total = 0;
  HSAP_CHECK(check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo"));
  return static_cast<std::int64_t>(total - free);
}

Result<Setup> CudaDevice::setup() const {
  int runtime = 0;
  int driver = 0;
  HSAP_CHECK(check(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion"));
  HSAP_CHECK(check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion"));
  // CUDA counts 1,000 for a major version and 10 for a minor one.
  const auto version = [](int number) {
    return fmt::format("{}.{}", number / 1000, number % 1000 / 10);
  };
  return Setup{{"device", hardware_.name},
               {"cuda", version(runtime)},
               {"driver", "CUDA " + version(driver)}};
}

Status CudaDevice::write(std::byte* to, std::span<const std::byte> from) {
  HSAP_CHECK(synchronize());
  HSAP_CHECK(check(cudaMemcpy(to, from.data(), from.size(), cudaMemcpyHostToDevice), "cudaMemcpy"));
  return synchronize();  // pageable bytes may be on their way, and streams of make_stream() do not
                         // wait
}

Status CudaDevice::read(std::span<std::byte> to, const std::byte* from) {
  HSAP_CHECK(synchronize());
  return check(cudaMemcpy(to.data(), from, to.size(), cudaMemcpyDeviceToHost), "cudaMemcpy");
}

// A stream or event that could not be made is null; its first use reports it.
StreamId CudaDevice::make_stream(Stream role) {
  int least = 0;
  int greatest = 0;
  cudaDeviceGetStreamPriorityRange(&least, &greatest);
  cudaStream_t stream = nullptr;
  const bool urgent = options_.urgent_communication && role != Stream::compute;
  cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, urgent ? greatest : least);
  streams_.push_back(stream);
  return static_cast<StreamId>(streams_.size()) - 1;
}

EventId CudaDevice::make_event() {
  cudaEvent_t event = nullptr;
  cudaEventCreate(&event);
  events_.push_back(event);
  return static_cast<EventId>(events_.size()) - 1;
}

int CudaDevice::sms_of_kernels() const {
  return options_.max_sms > 0 ? std::min(options_.max_sms, hardware_.sms) : hardware_.sms;
}

kernels::CudaStream CudaDevice::cuda_stream(StreamId stream) const {
  return streams_[static_cast<std::size_t>(stream)];
}

Status CudaDevice::record(EventId event, StreamId stream) {
  return check(cudaEventRecord(as_event(events_[static_cast<std::size_t>(event)]),
                               as_stream(cuda_stream(stream))),
               "cudaEventRecord");
}

Status CudaDevice::record_time(EventId event, StreamId stream) {
  if (!captures_) return record(event, stream);  // the flag is invalid there
  return check(cudaEventRecordWithFlags(as_event(events_[static_cast<std::size_t>(event)]),
                                        as_stream(cuda_stream(stream)), cudaEventRecordExternal),
               "cudaEventRecordWithFlags");
}

Status CudaDevice::wait(StreamId stream, EventId event) {
  return check(cudaStreamWaitEvent(as_stream(cuda_stream(stream)),
                                   as_event(events_[static_cast<std::size_t>(event)]), 0),
               "cudaStreamWaitEvent");
}

Status CudaDevice::synchronize() { return check(cudaDeviceSynchronize(), "cudaDeviceSynchronize"); }

Result<double> CudaDevice::seconds_between(EventId begin, EventId end) {
  float milliseconds = 0;
  HSAP_CHECK(
      check(cudaEventElapsedTime(&milliseconds, as_event(events_[static_cast<std::size_t>(begin)]),
                                 as_event(events_[static_cast<std::size_t>(end)])),
            "cudaEventElapsedTime"));
  return static_cast<double>(milliseconds) * 1e-3;
}

Status CudaDevice::begin_capture(StreamId stream) {
  // NCCL's threads may meanwhile allocate and wait for what is no part of the graph.
  HSAP_CHECK(check(
      cudaStreamBeginCapture(as_stream(cuda_stream(stream)), cudaStreamCaptureModeThreadLocal),
      "cudaStreamBeginCapture"));
  captures_ = true;
  return {};
}

Result<Launch> CudaDevice::end_capture(StreamId stream) {
  captures_ = false;
  cudaGraph_t graph = nullptr;
  HSAP_CHECK(
      check(cudaStreamEndCapture(as_stream(cuda_stream(stream)), &graph), "cudaStreamEndCapture"));
  cudaGraphExec_t ready = nullptr;
  const Status made =
      check(cudaGraphInstantiate(&ready, graph, cudaGraphInstantiateFlagUseNodePriority),
            "cudaGraphInstantiate");
  cudaGraphDestroy(graph);
  if (!made) return made.error();
  const std::shared_ptr<CUgraphExec_st> owner(ready, cudaGraphExecDestroy);
  return Launch([this, owner](StreamId on) {
    return check(cudaGraphLaunch(owner.get(), as_stream(cuda_stream(on))), "cudaGraphLaunch");
  });
}

Result<std::byte*> CudaDevice::upload(std::span<const std::byte> bytes) {
  HSAP_TRY(std::byte * data,
           allocate(static_cast<std::int64_t>(std::max<std::size_t>(bytes.size(), 16))));
  if (!bytes.empty()) HSAP_CHECK(write(data, bytes));
  return data;
}

kernels::Launch CudaDevice::launch(StreamId stream) const {
  return {cuda_stream(stream), options_.max_sms};
}

Result<std::shared_ptr<CudaDevice::PlacedPlan>> CudaDevice::place(kernels::AttentionPlan plan) {
  auto placed = std::make_shared<PlacedPlan>();
  placed->plan = std::move(plan);
  HSAP_TRY(placed->bytes, upload(placed->plan.bytes));
  HSAP_TRY(placed->workspace, allocate(placed->plan.workspace_bytes()));
  return placed;
}

Result<kernels::RowMap> CudaDevice::upload_rows(const std::vector<RowPair>& rows) {
  std::vector<Interval> from;
  std::vector<Interval> to;
  std::int64_t count = 0;
  for (const RowPair& pair : rows) {
    const auto interval = [&](std::int64_t first) {
      return make_interval(static_cast<Token>(first), static_cast<Token>(first + pair.count));
    };
    from.push_back(interval(pair.from));
    to.push_back(interval(pair.to));
    count += pair.count;
  }
  const std::span<const Interval> lists[] = {from, to};
  HSAP_TRY(const std::vector<kernels::Segment> segments, kernels::match_rows(lists));
  HSAP_TRY(const std::byte* data, upload(std::as_bytes(std::span(segments))));
  return kernels::RowMap{reinterpret_cast<const kernels::Segment*>(data),
                         static_cast<std::int32_t>(segments.size()),
                         static_cast<std::int32_t>(count)};
}

Result<Launch> CudaDevice::prepare(const Attend& call) {
  HSAP_TRY(kernels::AttentionPlan plan,
           kernels::plan_forward(hardware_, shape_of(call.heads, call.o.rows, call.k.rows),
                                 call.slices));
  HSAP_TRY(const auto placed, place(std::move(plan)));
  kernels::AttendOperands on;
  on.q = tensor(call.q);
  on.k = tensor(call.k);
  on.v = tensor(call.v);
  on.o = tensor(call.o);
  on.lse = tensor(call.lse);
  on.scale = scale_of(call.heads);
  on.accumulate = call.accumulate;
  return Launch([this, placed, on](StreamId stream) {
    return kernels::attend(placed->on_device(), on, launch(stream));
  });
}

Result<Launch> CudaDevice::prepare(const AttendBackward& call) {
  HSAP_TRY(kernels::AttentionPlan plan,
           kernels::plan_backward(hardware_, shape_of(call.heads, call.dq.rows, call.dk.rows),
                                  call.slices));
  HSAP_TRY(const auto placed, place(std::move(plan)));
  kernels::AttendBackwardOperands on;
  on.q = tensor(call.q);
  on.k = tensor(call.k);
  on.v = tensor(call.v);
  on.dout = tensor(call.dout);
  on.lse = tensor(call.lse);
  on.delta = tensor(call.delta);
  on.scale = scale_of(call.heads);
  on.accumulate_query = call.accumulate_query;
  on.accumulate_key = call.accumulate_key;
  // The kernel sums in fp32. Gradients that travel in bf16 are summed apart and rounded once.
  std::vector<Launch> rounding;
  const auto place_sum = [&](const Array& array, bool& accumulate) -> Result<kernels::Tensor> {
    if (array.dtype == Dtype::fp32) return tensor(array);
    Array sum = array;
    sum.dtype = Dtype::fp32;
    sum.row_stride = std::int64_t{array.heads} * array.width;
    HSAP_TRY(sum.data, allocate(sum.rows * sum.row_bytes()));
    HSAP_TRY(Launch round, prepare(Move{sum, array, {{0, 0, array.rows}}, accumulate}));
    rounding.push_back(std::move(round));
    return tensor(sum);
  };
  HSAP_TRY(on.dq, place_sum(call.dq, on.accumulate_query));
  HSAP_TRY(on.dk, place_sum(call.dk, on.accumulate_key));
  HSAP_TRY(on.dv, place_sum(call.dv, on.accumulate_key));
  if (call.dq.dtype == Dtype::bf16) on.accumulate_query = false;
  if (call.dk.dtype == Dtype::bf16) on.accumulate_key = false;
  return Launch([this, placed, on, rounding](StreamId stream) -> Status {
    HSAP_CHECK(kernels::attend_backward(placed->on_device(), on, launch(stream)));
    for (const Launch& round : rounding) HSAP_CHECK(round(stream));
    return {};
  });
}

Result<Launch> CudaDevice::prepare(const Delta& call) {
  kernels::RowMap rows;
  rows.rows = static_cast<std::int32_t>(call.delta.rows);
  return Launch([this, call, rows](StreamId stream) {
    return kernels::delta(tensor(call.o), tensor(call.dout), tensor(call.delta), rows,
                          call.delta.heads, launch(stream));
  });
}

Result<Launch> CudaDevice::prepare(const Merge& call) {
  HSAP_TRY(const kernels::RowMap rows, upload_rows(call.rows));
  return Launch([this, call, rows](StreamId stream) {
    return kernels::merge(tensor(call.part_o), tensor(call.part_lse), tensor(call.o),
                          tensor(call.lse), rows, call.o.heads, launch(stream));
  });
}

Result<Launch> CudaDevice::prepare(const Move& call) {
  HSAP_TRY(const kernels::RowMap rows, upload_rows(call.rows));
  return Launch([this, call, rows](StreamId stream) {
    return kernels::move_rows(tensor(call.from), tensor(call.to), rows, call.from.heads, call.add,
                              launch(stream));
  });
}

}  // namespace hsap::device
