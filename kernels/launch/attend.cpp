#include <algorithm>
#include <string>

#include "kernels/launch/device.hpp"
#include "kernels/launch/plan.hpp"
#include "kernels/launch/start.hpp"

/// Plans and launches of the attention kernels.
namespace hsap::kernels {
namespace {

KernelShape shape_of(Family family, Pass pass, int head_dim) {
  return family == Family::hopper ? hopper_shape(pass, head_dim) : portable_shape(pass, head_dim);
}

Result<AttentionPlan> plan(Pass pass, const Device& device, const AttentionShape& shape,
                           std::span<const Slice> slices) {
  const KernelShape kernel = shape_of(device.family, pass, shape.head_dim);
  HSAP_TRY(AttentionPlan plan, make_plan(pass, shape, kernel.tile, slices));
  plan.family = device.family;
  plan.sms = device.sms;
  plan.blocks_of_sm = kernel.blocks_of_sm;
  return plan;
}

Status check_matrix(const Tensor& tensor, const AttentionShape& shape, const char* name) {
  if (tensor.columns != shape.head_dim) {
    return bad_input(std::string(name) + " has not head_dim columns",
                     std::to_string(tensor.columns), std::to_string(shape.head_dim));
  }
  return check_aligned(tensor, name);
}

Status check_matrix(const Tensor& tensor, const AttentionShape& shape, Dtype dtype,
                    const char* name) {
  if (tensor.dtype != dtype) {
    return bad_input(std::string(name) + " must be " + (dtype == Dtype::bf16 ? "bf16" : "fp32"));
  }
  return check_matrix(tensor, shape, name);
}

Status check_plan(const PlanOnDevice& on, Pass pass) {
  if (on.plan.pass != pass) return bad_input("the plan is of the other pass");
  if (reinterpret_cast<std::uintptr_t>(on.bytes) % 16 != 0 || on.workspace == nullptr ||
      reinterpret_cast<std::uintptr_t>(on.workspace) % 16 != 0) {
    return bad_input("the plan's bytes and workspace must be in device memory, aligned to 16");
  }
  return {};
}

template <typename T>
Rows<T> rows_of(const Tensor& tensor) {
  return {static_cast<T*>(tensor.data), tensor.row_stride, tensor.head_stride};
}

/// The tensor in boxes of 64 columns.
Result<gpu::TensorMap> map_of(const Tensor& tensor, int rows, int heads, int box_rows) {
  gpu::TensorShape shape;
  shape.data = tensor.data;
  shape.element_bytes = bytes_of(tensor.dtype);
  shape.columns = tensor.columns;
  shape.heads = heads;
  shape.rows = rows;
  shape.head_stride_bytes = tensor.head_stride * shape.element_bytes;
  shape.row_stride_bytes = tensor.row_stride * shape.element_bytes;
  shape.box_columns = 64;
  shape.box_rows = box_rows;
  return make_tensor_map(shape);
}

Result<ForwardMaps> maps_of(const AttentionShape& shape, const AttendOperands& operands) {
  const TileShape tile = hopper_shape(Pass::forward, shape.head_dim).tile;
  ForwardMaps maps;
  HSAP_TRY(maps.q, map_of(operands.q, shape.query_rows, shape.heads, tile.rows));
  // Without keys there are no steps, and their maps are fetched ahead but not used.
  maps.k = maps.v = maps.q;
  if (shape.key_rows == 0) return maps;
  HSAP_TRY(maps.k, map_of(operands.k, shape.key_rows, shape.key_heads, tile.columns));
  HSAP_TRY(maps.v, map_of(operands.v, shape.key_rows, shape.key_heads, tile.columns));
  return maps;
}

Result<BackwardMaps> maps_of(const AttentionShape& shape, const AttendBackwardOperands& operands) {
  const TileShape tile = hopper_shape(Pass::backward, shape.head_dim).tile;
  BackwardMaps maps;
  HSAP_TRY(maps.q, map_of(operands.q, shape.query_rows, shape.heads, tile.columns));
  HSAP_TRY(maps.k, map_of(operands.k, shape.key_rows, shape.key_heads, tile.rows));
  HSAP_TRY(maps.v, map_of(operands.v, shape.key_rows, shape.key_heads, tile.rows));
  HSAP_TRY(maps.dout, map_of(operands.dout, shape.query_rows, shape.heads, tile.columns));
  return maps;
}

Grid grid_of(const PlanOnDevice& on, const Launch& launch) {
  const int blocks = sms_for(launch, on.plan.sms) * on.plan.blocks_of_sm;
  return {static_cast<int>(std::min<std::int64_t>(units(on.plan), blocks)), launch.stream};
}

Status zero(const Tensor& to, int rows, int heads, const Launch& launch) {
  Tensor nothing = to;
  nothing.data = nullptr;
  return move_rows(nothing, to, {nullptr, 0, rows}, heads, false, launch);
}

Status check_operands(const AttentionShape& shape, const AttendBackwardOperands& operands) {
  HSAP_CHECK(check_matrix(operands.q, shape, Dtype::bf16, "q"));
  HSAP_CHECK(check_matrix(operands.k, shape, Dtype::bf16, "k"));
  HSAP_CHECK(check_matrix(operands.v, shape, Dtype::bf16, "v"));
  HSAP_CHECK(check_matrix(operands.dout, shape, Dtype::bf16, "do"));
  HSAP_CHECK(check_matrix(operands.dq, shape, Dtype::fp32, "dq"));
  HSAP_CHECK(check_matrix(operands.dk, shape, Dtype::fp32, "dk"));
  HSAP_CHECK(check_matrix(operands.dv, shape, Dtype::fp32, "dv"));
  HSAP_CHECK(check_numbers(operands.lse, "lse"));
  return check_numbers(operands.delta, "delta");
}

}  // namespace

Result<AttentionPlan> plan_forward(const Device& device, const AttentionShape& shape,
                                   std::span<const Slice> slices) {
  return plan(Pass::forward, device, shape, slices);
}

Result<AttentionPlan> plan_backward(const Device& device, const AttentionShape& shape,
                                    std::span<const Slice> slices) {
  return plan(Pass::backward, device, shape, slices);
}

Status attend(const PlanOnDevice& on, const AttendOperands& operands, const Launch& launch) {
  const AttentionShape& shape = on.plan.shape;
  HSAP_CHECK(check_plan(on, Pass::forward));
  HSAP_CHECK(check_matrix(operands.q, shape, Dtype::bf16, "q"));
  HSAP_CHECK(check_matrix(operands.k, shape, Dtype::bf16, "k"));
  HSAP_CHECK(check_matrix(operands.v, shape, Dtype::bf16, "v"));
  HSAP_CHECK(check_matrix(operands.o, shape, "o"));
  HSAP_CHECK(check_numbers(operands.lse, "lse"));
  if (units(on.plan) == 0) return {};

  ForwardArguments arguments;
  arguments.work = work_of(on.plan, on.bytes, on.workspace, operands.scale);
  arguments.q = rows_of<const gpu::Bfloat16>(operands.q);
  arguments.k = rows_of<const gpu::Bfloat16>(operands.k);
  arguments.v = rows_of<const gpu::Bfloat16>(operands.v);
  if (operands.o.dtype == Dtype::bf16) {
    arguments.o_bf16 = rows_of<gpu::Bfloat16>(operands.o);
  } else {
    arguments.o_fp32 = rows_of<float>(operands.o);
  }
  arguments.lse = rows_of<float>(operands.lse);
  arguments.accumulate = operands.accumulate;

  const Grid grid = grid_of(on, launch);
  if (on.plan.family == Family::portable) {
    return cuda_status(start_portable(shape.head_dim, arguments, grid), "cannot attend");
  }
  HSAP_TRY(const ForwardMaps maps, maps_of(shape, operands));
  return cuda_status(start_hopper(shape.head_dim, arguments, maps, grid), "cannot attend");
}

Status attend_backward(const PlanOnDevice& on, const AttendBackwardOperands& operands,
                       const Launch& launch) {
  const AttentionShape& shape = on.plan.shape;
  HSAP_CHECK(check_plan(on, Pass::backward));
  HSAP_CHECK(check_operands(shape, operands));
  if (!operands.accumulate_query) {
    HSAP_CHECK(zero(operands.dq, shape.query_rows, shape.heads, launch));
  }
  if (!operands.accumulate_key) {
    HSAP_CHECK(zero(operands.dk, shape.key_rows, shape.key_heads, launch));
    HSAP_CHECK(zero(operands.dv, shape.key_rows, shape.key_heads, launch));
  }
  if (on.plan.runs_at == on.plan.bands_at) return {};  // no slices

  BackwardArguments arguments;
  arguments.work = work_of(on.plan, on.bytes, on.workspace, operands.scale);
  arguments.q = rows_of<const gpu::Bfloat16>(operands.q);
  arguments.k = rows_of<const gpu::Bfloat16>(operands.k);
  arguments.v = rows_of<const gpu::Bfloat16>(operands.v);
  arguments.dout = rows_of<const gpu::Bfloat16>(operands.dout);
  arguments.lse = rows_of<const float>(operands.lse);
  arguments.delta = rows_of<const float>(operands.delta);
  arguments.dq = rows_of<float>(operands.dq);
  arguments.dk = rows_of<float>(operands.dk);
  arguments.dv = rows_of<float>(operands.dv);

  const Grid grid = grid_of(on, launch);
  if (on.plan.family == Family::portable) {
    return cuda_status(start_portable(shape.head_dim, arguments, grid), "cannot attend backward");
  }
  HSAP_TRY(const BackwardMaps maps, maps_of(shape, operands));
  return cuda_status(start_hopper(shape.head_dim, arguments, maps, grid), "cannot attend backward");
}

}  // namespace hsap::kernels
