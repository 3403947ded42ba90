#include <cuda_runtime_api.h>

#include <cmath>
#include <utility>

#include "device/selftest.hpp"
#include "unit/kernels/problem.hpp"

using namespace hsap;
using kernels::DeviceMemory;

namespace test {
namespace {

/// Of the norm of the difference over the norm of the answer, from bf16 weights.
constexpr double forward_tolerance = 4e-3;
constexpr double lse_tolerance = 1e-5;
constexpr double backward_tolerance = 8e-3;

std::string family(const kernels::Device& device) {
  return device.family == kernels::Family::hopper ? "hopper" : "portable";
}

std::vector<float> floats(const Answer& answer) {
  return {answer.values.begin(), answer.values.end()};
}

std::string name_of(const Problem& problem) {
  return std::to_string(problem.queries) + " x " + std::to_string(problem.keys) + ", head_dim " +
         std::to_string(problem.head_dim);
}

/// A problem with inputs on both sides and the answers.
struct Case {
  Case(const Problem& problem_, std::uint64_t seed)
      : name(name_of(problem_)),
        problem(problem_),
        q(problem.queries, problem.heads, problem.head_dim),
        k(problem.keys, problem.key_heads, problem.head_dim),
        v(problem.keys, problem.key_heads, problem.head_dim),
        dout(problem.queries, problem.heads, problem.head_dim),
        device_q(problem.queries, problem.heads, problem.head_dim, Dtype::bf16),
        device_k(problem.keys, problem.key_heads, problem.head_dim, Dtype::bf16),
        device_v(problem.keys, problem.key_heads, problem.head_dim, Dtype::bf16),
        device_dout(problem.queries, problem.heads, problem.head_dim, Dtype::bf16) {
    q.fill(seed);
    k.fill(seed + 1);
    v.fill(seed + 2);
    dout.fill(seed + 3);
    device_q.fill(q.numbers());
    device_k.fill(k.numbers());
    device_v.fill(v.numbers());
    device_dout.fill(dout.numbers());
    forward = test::forward(problem, q, k, v);
    delta = test::delta(forward.o, dout);
    gradients = backward(problem, q, k, v, dout, forward.lse, delta);
  }

  [[nodiscard]] kernels::AttentionShape shape() const {
    kernels::AttentionShape shape;
    shape.query_rows = problem.queries;
    shape.key_rows = problem.keys;
    shape.heads = problem.heads;
    shape.key_heads = problem.key_heads;
    shape.heads_per_key_head = problem.heads / problem.key_heads;
    shape.head_dim = problem.head_dim;
    return shape;
  }
  [[nodiscard]] float scale() const { return 1 / std::sqrt(static_cast<float>(problem.head_dim)); }

  std::string name;
  Problem problem;
  Operand q, k, v, dout;
  DeviceTensor device_q, device_k, device_v, device_dout;
  ForwardAnswer forward;
  Answer delta;
  BackwardAnswer gradients;
};

/// A plan with its memory.
struct Loaded {
  Loaded(const kernels::Device& device, Pass pass, const kernels::AttentionShape& shape,
         std::span<const Slice> slices)
      : plan((pass == Pass::forward ? plan_forward(device, shape, slices)
                                    : plan_backward(device, shape, slices))
                 .value()),
        bytes(DeviceMemory::of(plan.bytes)),
        workspace(DeviceMemory::of(
            std::vector<std::byte>(static_cast<std::size_t>(plan.workspace_bytes())))) {}

  [[nodiscard]] kernels::PlanOnDevice on() const { return {plan, bytes.data(), workspace.data()}; }

  kernels::AttentionPlan plan;
  DeviceMemory bytes;
  DeviceMemory workspace;
};

/// The slices whose keys lie in [begin, end).
std::vector<Slice> within(const Problem& problem, Token begin, Token end) {
  std::vector<Slice> slices;
  for (const Slice& slice : problem.slices) {
    cut(slice, {0, problem.queries, 1}, {begin, end, 1}, slices);
  }
  return slices;
}

void note(const std::string& name, double difference, double tolerance, const Status& status,
          bool intact, Outcomes& outcomes) {
  Outcome outcome{name, difference, tolerance, {}};
  if (!status) outcome.report = status.error().text();
  if (!intact) outcome.report = "writes between rows";
  outcomes.push_back(std::move(outcome));
}

void check_forward(const kernels::Device& device, const Case& with, Dtype dtype, bool in_parts,
                   int max_sms, Outcomes& outcomes) {
  const Problem& problem = with.problem;
  const DeviceTensor o(problem.queries, problem.heads, problem.head_dim, dtype);
  const DeviceTensor lse(problem.queries, problem.heads, 1, Dtype::fp32);
  kernels::AttendOperands operands{with.device_q.view(), with.device_k.view(),
                                   with.device_v.view(), o.view(),
                                   lse.view(),           with.scale()};
  const Token middle = in_parts ? problem.keys / 3 : problem.keys;
  const Loaded first(device, Pass::forward, with.shape(), within(problem, 0, middle));
  Status status = attend(first.on(), operands, {nullptr, max_sms});
  // A second launch finds the counter of work as the first has left it.
  if (status && max_sms > 0) status = attend(first.on(), operands, {nullptr, max_sms});
  const Loaded second(device, Pass::forward, with.shape(), within(problem, middle, problem.keys));
  operands.accumulate = true;
  if (status && in_parts) status = attend(second.on(), operands, {nullptr, max_sms});
  const std::string name =
      "forward, " + family(device) + ": " + with.name + (in_parts ? ", in two parts" : "") +
      (max_sms > 0 ? ", on few SMs" : "") + (dtype == Dtype::bf16 ? ", bf16" : ", fp32");
  note(name, relative_error(o.read(), with.forward.o.values), forward_tolerance, status, o.intact(),
       outcomes);
  note(name + " (lse)", relative_error(lse.read(), with.forward.lse.values), lse_tolerance, status,
       lse.intact(), outcomes);
}

/// Some of the heads, beginning inside a group where groups have several.
void check_heads(const kernels::Device& device, const Case& with, Outcomes& outcomes) {
  const Problem& problem = with.problem;
  constexpr int begin = 1;
  const int count = problem.heads - 2;
  const DeviceTensor o(problem.queries, count, problem.head_dim, Dtype::fp32);
  const DeviceTensor lse(problem.queries, count, 1, Dtype::fp32);
  kernels::AttentionShape shape = with.shape();
  const int first_key_head = begin / shape.heads_per_key_head;
  shape.heads = count;
  shape.key_heads -= first_key_head;
  shape.head_offset = begin % shape.heads_per_key_head;
  const Loaded plan(device, Pass::forward, shape, problem.slices);
  const kernels::AttendOperands operands{with.device_q.view(begin),
                                         with.device_k.view(first_key_head),
                                         with.device_v.view(first_key_head),
                                         o.view(),
                                         lse.view(),
                                         with.scale()};
  const Status status = attend(plan.on(), operands, {});
  std::vector<double> expected;
  for (int row = 0; row < problem.queries; ++row) {
    for (int head = begin; head < begin + count; ++head) {
      for (int c = 0; c < problem.head_dim; ++c) {
        expected.push_back(with.forward.o.at(row, head, c));
      }
    }
  }
  note("forward, " + family(device) + ": " + with.name + ", some heads",
       relative_error(o.read(), expected), forward_tolerance, status, o.intact(), outcomes);
}

void check_backward(const kernels::Device& device, const Case& with, bool in_parts,
                    Outcomes& outcomes) {
  const Problem& problem = with.problem;
  DeviceTensor lse(problem.queries, problem.heads, 1, Dtype::fp32);
  DeviceTensor delta(problem.queries, problem.heads, 1, Dtype::fp32);
  lse.fill(floats(with.forward.lse));
  delta.fill(floats(with.delta));
  const DeviceTensor dq(problem.queries, problem.heads, problem.head_dim, Dtype::fp32);
  const DeviceTensor dk(problem.keys, problem.key_heads, problem.head_dim, Dtype::fp32);
  const DeviceTensor dv(problem.keys, problem.key_heads, problem.head_dim, Dtype::fp32);
  kernels::AttendBackwardOperands operands{with.device_q.view(),
                                           with.device_k.view(),
                                           with.device_v.view(),
                                           with.device_dout.view(),
                                           lse.view(),
                                           delta.view(),
                                           dq.view(),
                                           dk.view(),
                                           dv.view(),
                                           with.scale()};
  const Token middle = in_parts ? problem.keys / 3 : problem.keys;
  const Loaded first(device, Pass::backward, with.shape(), within(problem, 0, middle));
  Status status = attend_backward(first.on(), operands, {});
  const Loaded second(device, Pass::backward, with.shape(), within(problem, middle, problem.keys));
  operands.accumulate_query = operands.accumulate_key = true;
  if (status && in_parts) status = attend_backward(second.on(), operands, {});
  const std::string name =
      "backward, " + family(device) + ": " + with.name + (in_parts ? ", in two parts" : "");
  const auto compare = [&](const char* what, const DeviceTensor& got, const Answer& answer) {
    note(name + " (" + what + ")", relative_error(got.read(), answer.values), backward_tolerance,
         status, got.intact(), outcomes);
  };
  compare("dq", dq, with.gradients.dq);
  compare("dk", dk, with.gradients.dk);
  compare("dv", dv, with.gradients.dv);
}

/// Both passes captured in a graph and run twice, over fresh poison the second time.
void check_graph(const kernels::Device& device, const Case& with, Outcomes& outcomes) {
  const Problem& problem = with.problem;
  const DeviceTensor dq(problem.queries, problem.heads, problem.head_dim, Dtype::fp32);
  const DeviceTensor dk(problem.keys, problem.key_heads, problem.head_dim, Dtype::fp32);
  const DeviceTensor dv(problem.keys, problem.key_heads, problem.head_dim, Dtype::fp32);
  DeviceTensor o(problem.queries, problem.heads, problem.head_dim, Dtype::fp32);
  const DeviceTensor lse(problem.queries, problem.heads, 1, Dtype::fp32);
  const DeviceTensor delta(problem.queries, problem.heads, 1, Dtype::fp32);
  const Loaded forward(device, Pass::forward, with.shape(), problem.slices);
  const Loaded backward(device, Pass::backward, with.shape(), problem.slices);
  const kernels::AttendOperands operands{with.device_q.view(), with.device_k.view(),
                                         with.device_v.view(), o.view(),
                                         lse.view(),           with.scale()};
  const kernels::AttendBackwardOperands gradients{with.device_q.view(),
                                                  with.device_k.view(),
                                                  with.device_v.view(),
                                                  with.device_dout.view(),
                                                  lse.view(),
                                                  delta.view(),
                                                  dq.view(),
                                                  dk.view(),
                                                  dv.view(),
                                                  with.scale()};
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t ready = nullptr;
  kernels::require_cuda(cudaStreamCreate(&stream), "cudaStreamCreate");
  kernels::require_cuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "capture");
  Status status = attend(forward.on(), operands, {stream, 0});
  if (status) {
    status = kernels::delta(o.view(), with.device_dout.view(), delta.view(),
                            {nullptr, 0, problem.queries}, problem.heads, {stream, 0});
  }
  if (status) status = attend_backward(backward.on(), gradients, {stream, 0});
  kernels::require_cuda(cudaStreamEndCapture(stream, &graph), "capture");
  kernels::require_cuda(cudaGraphInstantiate(&ready, graph, 0), "cudaGraphInstantiate");
  for (const char* turn : {"captured", "captured, again"}) {
    o.fill(std::vector<float>(o.size(), std::nanf("")));
    kernels::require_cuda(cudaGraphLaunch(ready, stream), "cudaGraphLaunch");
    note("forward, " + family(device) + ": " + with.name + ", " + turn,
         relative_error(o.read(), with.forward.o.values), forward_tolerance, status, o.intact(),
         outcomes);
    note("backward, " + family(device) + ": " + with.name + ", " + turn + " (dq)",
         relative_error(dq.read(), with.gradients.dq.values), backward_tolerance, status,
         dq.intact(), outcomes);
  }
  kernels::require_cuda(cudaGraphExecDestroy(ready), "cudaGraphExecDestroy");
  kernels::require_cuda(cudaGraphDestroy(graph), "cudaGraphDestroy");
  kernels::require_cuda(cudaStreamDestroy(stream), "cudaStreamDestroy");
}

/// Slices of every kind, with rows that see nothing and keys that nobody sees; 700 queries and 900
/// keys over `part`.
Problem mixed(int head_dim, int part) {
  const auto rows = [part](int begin, int end) { return Interval{begin / part, end / part, 1}; };
  Problem problem;
  problem.queries = 700 / part;
  problem.keys = 900 / part;
  problem.heads = problem.key_heads = 4;
  problem.head_dim = head_dim;
  problem.slices = {{rows(0, 150), rows(3, 400), SliceKind::full},
                    {rows(150, 330), rows(10, 300), SliceKind::causal},
                    {rows(150, 330), rows(300, 480), SliceKind::inverse_causal},
                    {rows(350, 600), rows(500, 790), SliceKind::bi_causal},
                    {rows(650, 650 + part), rows(900 - part, 900), SliceKind::full}};
  return problem;
}

void check_forwards(const kernels::Device& device, const Case& with, Outcomes& outcomes) {
  check_forward(device, with, Dtype::bf16, false, 0, outcomes);
  check_forward(device, with, Dtype::fp32, false, 3, outcomes);
  check_forward(device, with, Dtype::fp32, true, 0, outcomes);
  check_heads(device, with, outcomes);
}

void check_backwards(const kernels::Device& device, const Case& with, Outcomes& outcomes) {
  check_backward(device, with, false, outcomes);
  check_backward(device, with, true, outcomes);
}

}  // namespace

Parts attention_parts(const kernels::Device& device, std::uint64_t seed, bool small) {
  const std::vector<int> lengths =
      small ? std::vector<int>{1, 70, 150, 1} : std::vector<int>{1, 70, 300, 1, 1, 129, 517};
  const int heads = small ? 4 : 12;
  std::vector<kernels::Device> families = {device};
  if (device.family != kernels::Family::portable) {
    families.push_back(device);
    families.back().family = kernels::Family::portable;
  }
  using Check = void (*)(const kernels::Device&, const Case&, Outcomes&);
  constexpr std::pair<const char*, Check> checks[] = {
      {"forward", check_forwards}, {"backward", check_backwards}, {"in a graph", check_graph}};
  Parts parts;
  for (const int head_dim : {64, 128}) {
    std::vector<Problem> problems = {documents(lengths, heads, heads / 4, head_dim),
                                     documents({3}, 4, 1, head_dim),
                                     mixed(head_dim, small ? 10 : 1)};
    for (const Problem& problem : problems) {
      for (const kernels::Device& on : families) {
        for (const auto& [what, check] : checks) {
          parts.push_back({std::string(what) + ", " + family(on) + ": " + name_of(problem),
                           [problem, on, check, seed](Outcomes& outcomes) {
                             check(on, Case(problem, seed), outcomes);
                           }});
        }
      }
      ++seed;
    }
  }
  return parts;
}

}  // namespace test
