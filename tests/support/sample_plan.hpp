#pragma once

#include "hsap/plan.hpp"

namespace hsap::test {

/// A small plan with every member set: llama3-8b's attention, 2 nodes of 4 GPUs, U2 C4.
inline Plan sample_plan() {
  Plan plan;
  plan.problem.model = {"llama3-8b", {32, 8, 128}, 32, 4096, 14336, 128256, 0, 0, false};
  plan.problem.context = 4096;
  plan.problem.trace = "wlb-llm";
  plan.problem.batches = {Batch{{1024, 3072}}, Batch{{4096}}};
  plan.cluster = {"dgx-h100", 2, 8, 4, "hsap", {{"nic.bandwidth_bytes_per_s", "100e9"}}};
  plan.training = {2, Training::Checkpointing::full, 1, 4, Dtype::fp32, 8};
  plan.strategy = {2, 4, Order::ulysses_inner, Layout::balanced, Exchange::p2p, 2, Dtype::fp32};
  plan.replicas = 1;
  plan.predicted.attention = {0.001, 0.003, 0.0035, 0.001, 0.0005, 123456789, 4567, 1.03};
  plan.predicted.bound = {0.003, 0.0001, 0.0002, 0.003};
  plan.predicted.step =
      StepTimes{0.25, 16384, 0.41, {{"attention", 0.1}, {"exposed communication", 0.02}}};
  plan.predicted.memory = {1 << 30, {{"buffers", 1e8}, {"weights", 9e8}}};
  plan.predicted.limit = "compute";
  plan.why = {"p2p with balanced shards sends 0.1 MB a layer, ring 12 MB"};
  plan.runners_up = {
      {{8, 1, Order::ulysses_inner, Layout::contiguous, Exchange::ring, 0, Dtype::fp32},
       1,
       0.3,
       13653.3,
       2 << 20,
       {{"attention", 0.1}, {"exposed communication", 0.07}}}};
  plan.pareto = {{plan.strategy, 1, 0.25, 16384, 1 << 30}};
  plan.provenance = {"0.1.0", 7, {{"cluster", "dgx-h100", "00112233aabbccdd"}}};
  return plan;
}

/// The same with an eighth of the work of attention, for whoever runs it.
inline Plan narrow_plan() {
  Plan plan = sample_plan();
  plan.problem.model.heads = {8, 2, 64};
  return plan;
}

/// Three quarters of its layers see 512 keys.
inline Plan windowed_plan() {
  Plan plan = sample_plan();
  plan.problem.model.window = 512;
  plan.problem.model.window_layers = 24;
  return plan;
}

}  // namespace hsap::test
