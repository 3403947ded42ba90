#include <fmt/format.h>

#include <array>

#include "base/units.hpp"
#include "validate/measure/kernels.hpp"

namespace hsap::measure {
namespace {

using Kernel = CopyCase::Kernel;
constexpr int row_heads = 32;
constexpr int dim = 128;
constexpr double wide_bytes = 4.0 * row_heads * dim;    // of a row in fp32
constexpr double narrow_bytes = 2.0 * row_heads * dim;  // in bf16
constexpr double number_bytes = 4.0 * row_heads;        // of lse and delta

}  // namespace

std::string CopyCase::text() const {
  constexpr std::array<const char*, 5> names{"copy", "cast", "add", "merge", "delta"};
  return names[static_cast<std::size_t>(kernel)];
}

double CopyCase::bytes() const {
  const auto count = static_cast<double>(rows);
  switch (kernel) {
    case Kernel::copy:
      return count * 2 * narrow_bytes;
    case Kernel::cast:
      return count * (wide_bytes + narrow_bytes);
    case Kernel::add:
      return count * 3 * wide_bytes;
    case Kernel::merge:
      return count * 3 * (narrow_bytes + number_bytes);
    case Kernel::delta:
      return count * (2 * narrow_bytes + number_bytes);
  }
  return 0;
}

std::vector<CopyCase> copy_cases() {
  std::vector<CopyCase> cases;
  for (const std::int64_t rows : {1 << 14, 1 << 8, 1 << 16, 1 << 12, 1 << 10}) {
    for (const Kernel kernel :
         {Kernel::copy, Kernel::merge, Kernel::add, Kernel::delta, Kernel::cast}) {
      cases.push_back({kernel, rows});
    }
  }
  return cases;
}

Result<std::vector<device::Launch>> prepare(device::Device& device, const Workspace& workspace,
                                            const CopyCase& of, int most_sets) {
  const auto move = [&](Dtype from, Dtype to, bool add) {
    return [&of, from, to, add](Operands& on) {
      const device::Array source = on.read(from, of.rows, row_heads, dim);
      return device::Move{source, on.written(to, of.rows, row_heads, dim), {{0, 0, of.rows}}, add};
    };
  };
  const auto merge = [&](Operands& on) {
    device::Merge call;
    call.part_o = on.read(Dtype::bf16, of.rows, row_heads, dim);
    call.part_lse = on.read(Dtype::fp32, of.rows, row_heads, 1);
    call.o = on.written(Dtype::bf16, of.rows, row_heads, dim);
    call.lse = on.written(Dtype::fp32, of.rows, row_heads, 1);
    call.rows = {{0, 0, of.rows}};
    return call;
  };
  const auto delta = [&](Operands& on) {
    device::Delta call;
    call.o = on.read(Dtype::bf16, of.rows, row_heads, dim);
    call.dout = on.read(Dtype::bf16, of.rows, row_heads, dim);
    call.delta = on.written(Dtype::fp32, of.rows, row_heads, 1);
    return call;
  };
  switch (of.kernel) {
    case Kernel::copy:
      return prepare_sets(device, workspace, move(Dtype::bf16, Dtype::bf16, false), most_sets);
    case Kernel::cast:
      return prepare_sets(device, workspace, move(Dtype::fp32, Dtype::bf16, false), most_sets);
    case Kernel::add:
      return prepare_sets(device, workspace, move(Dtype::fp32, Dtype::fp32, true), most_sets);
    case Kernel::merge:
      return prepare_sets(device, workspace, merge, most_sets);
    case Kernel::delta:
      return prepare_sets(device, workspace, delta, most_sets);
  }
  return internal_error("a kernel without operands");
}

}  // namespace hsap::measure
