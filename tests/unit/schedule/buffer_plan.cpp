#include "hsap/buffer_plan.hpp"

#include <catch2/catch.hpp>

#include "schedule/builder.hpp"

namespace hsap {
namespace {

/// One rank with kernels that copy between buffers of 10 rows of k, 10 bytes each in bf16.
class Kernels {
 public:
  Kernels() : build_(Pass::forward, 10, {.query = 1, .key_value = 1, .dim = 5}) {
    build_.begin_rank(rows_ = build_.intervals({{0, 10, 1}}));
  }
  Index buffer(Usage usage, Dtype dtype = Dtype::bf16) {
    return build_.buffer(Role::k, usage, dtype, {0, 1}, rows_);
  }
  void copy(Index from, Index to) { build_.copy(from, to, {0, 1}); }
  Index send(Index from) {
    const Index at = build_.exchange(Stream::keys);
    build_.send(0, from, rows_, {0, 1});
    return at;
  }
  void after(Index op) { build_.after(op); }
  BufferPlan plan() { return plan_buffers(build_.schedule()); }

 private:
  ScheduleBuilder build_;
  Range rows_;
};

TEST_CASE("staging buffers used one after another share room") {
  Kernels kernels;
  const Index in = kernels.buffer(Usage::input);
  const Index a = kernels.buffer(Usage::staging);
  const Index b = kernels.buffer(Usage::staging);
  const Index c = kernels.buffer(Usage::staging);
  const Index unused = kernels.buffer(Usage::staging);
  kernels.copy(in, a);
  kernels.copy(a, b);
  kernels.copy(b, c);
  const BufferPlan plan = kernels.plan();
  CHECK(plan.bytes == std::vector<std::int64_t>{2 * buffer_alignment + 100});
  CHECK(plan.offset_bytes[c] == plan.offset_bytes[a]);
  CHECK(plan.offset_bytes[b] != plan.offset_bytes[a]);
  CHECK(plan.offset_bytes[unused] == -1);
}

TEST_CASE("buffers begin where kernels take them") {
  Kernels kernels;
  const Index in = kernels.buffer(Usage::input);
  const Index a = kernels.buffer(Usage::staging);
  const Index out = kernels.buffer(Usage::output);
  kernels.copy(in, a);
  kernels.copy(a, out);
  const BufferPlan plan = kernels.plan();
  for (const Index buffer : {in, a, out}) CHECK(plan.offset_bytes[buffer] % buffer_alignment == 0);
}

TEST_CASE("staging buffers of different dtypes share no room") {
  for (const Dtype dtype : {Dtype::bf16, Dtype::fp32}) {
    Kernels kernels;
    const Index in = kernels.buffer(Usage::input);
    const Index a = kernels.buffer(Usage::staging);
    const Index b = kernels.buffer(Usage::staging);
    const Index c = kernels.buffer(Usage::staging, dtype);
    kernels.copy(in, a);
    kernels.copy(a, b);
    kernels.copy(b, c);
    const BufferPlan plan = kernels.plan();
    CHECK((plan.offset_bytes[c] == plan.offset_bytes[a]) == (dtype == Dtype::bf16));
  }
}

TEST_CASE("uses that nothing orders keep room of their own") {
  for (const bool ordered : {false, true}) {
    Kernels kernels;
    const Index in = kernels.buffer(Usage::input);
    const Index a = kernels.buffer(Usage::staging);
    const Index b = kernels.buffer(Usage::staging);
    kernels.copy(in, a);
    const Index sent = kernels.send(a);  // on another stream
    kernels.copy(in, b);
    if (ordered) kernels.after(sent);
    const BufferPlan plan = kernels.plan();
    CHECK((plan.offset_bytes[a] == plan.offset_bytes[b]) == ordered);
  }
}

}  // namespace
}  // namespace hsap
