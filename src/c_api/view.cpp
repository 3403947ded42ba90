#include <cstddef>
#include <type_traits>

#include "c_api/handles.hpp"
#include "hsap/c_api.h"

// The C structures are the C++ ones seen from outside: the asserts below say that they have the
// same size and that the members stand at the same place.

#define HSAP_SAME(c_type, cpp_type)                         \
  static_assert(sizeof(c_type) == sizeof(hsap::cpp_type) && \
                alignof(c_type) == alignof(hsap::cpp_type))
#define HSAP_SAME_AT(c_type, c_member, cpp_type, cpp_member) \
  static_assert(offsetof(c_type, c_member) == offsetof(hsap::cpp_type, cpp_member))

HSAP_SAME(hsap_range, Range);
HSAP_SAME_AT(hsap_range, count, Range, count);
HSAP_SAME(hsap_interval, Interval);
HSAP_SAME_AT(hsap_interval, stride, Interval, stride);
HSAP_SAME(hsap_buffer, Buffer);
HSAP_SAME_AT(hsap_buffer, role, Buffer, role);
HSAP_SAME_AT(hsap_buffer, usage, Buffer, usage);
HSAP_SAME_AT(hsap_buffer, dtype, Buffer, dtype);
HSAP_SAME_AT(hsap_buffer, heads_begin, Buffer, heads);
HSAP_SAME_AT(hsap_buffer, intervals, Buffer, intervals);
HSAP_SAME(hsap_operation, Operation);
HSAP_SAME_AT(hsap_operation, kind, Operation, kind);
HSAP_SAME_AT(hsap_operation, stream, Operation, stream);
HSAP_SAME_AT(hsap_operation, accumulate_query, Operation, accumulate_query);
HSAP_SAME_AT(hsap_operation, accumulate_key, Operation, accumulate_key);
HSAP_SAME_AT(hsap_operation, heads_begin, Operation, heads);
HSAP_SAME_AT(hsap_operation, payload, Operation, payload);
HSAP_SAME_AT(hsap_operation, operands, Operation, operands);
HSAP_SAME_AT(hsap_operation, dependencies, Operation, dependencies);
HSAP_SAME(hsap_transfer, Transfer);
HSAP_SAME_AT(hsap_transfer, buffer, Transfer, buffer);
HSAP_SAME_AT(hsap_transfer, intervals, Transfer, intervals);
HSAP_SAME_AT(hsap_transfer, heads_begin, Transfer, heads);
HSAP_SAME_AT(hsap_transfer, direction, Transfer, direction);
HSAP_SAME_AT(hsap_transfer, add, Transfer, add);
HSAP_SAME(hsap_slice, Slice);
HSAP_SAME_AT(hsap_slice, key, Slice, key);
HSAP_SAME_AT(hsap_slice, kind, Slice, kind);
HSAP_SAME(hsap_group, Group);
HSAP_SAME_AT(hsap_group, stride, Group, stride);
static_assert(std::is_same_v<hsap::Index, uint32_t>);

namespace {

template <typename C, typename Cpp>
const C* as(const std::vector<Cpp>& items) {
  return reinterpret_cast<const C*>(items.data());
}

}  // namespace

extern "C" void hsap_read(const hsap_schedule* handle, hsap_view* view) {
  const hsap::Schedule& schedule = handle->schedule;
  *view = {.tokens = schedule.tokens,
           .ranks = schedule.ranks(),
           .intervals = as<hsap_interval>(schedule.intervals),
           .buffers = as<hsap_buffer>(schedule.buffers),
           .operations = as<hsap_operation>(schedule.operations),
           .transfers = as<hsap_transfer>(schedule.transfers),
           .slices = as<hsap_slice>(schedule.slices),
           .dependencies = schedule.dependencies.data(),
           .operands = schedule.operands.data(),
           .groups = as<hsap_group>(schedule.groups),
           .programs = as<hsap_range>(schedule.programs),
           .home = as<hsap_range>(schedule.home),
           .interval_count = schedule.intervals.size(),
           .buffer_count = schedule.buffers.size(),
           .operation_count = schedule.operations.size(),
           .transfer_count = schedule.transfers.size(),
           .slice_count = schedule.slices.size(),
           .dependency_count = schedule.dependencies.size(),
           .operand_count = schedule.operands.size(),
           .group_count = schedule.groups.size()};
}
