// The kernels of a fake device: those of the host, on one row or on whole buffers.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "validate/device/fake_device.hpp"
#include "validate/host/kernels.hpp"

namespace hsap::device {
namespace {

int first_key_head(const HeadPlace& heads) {
  return heads.query.begin * heads.model.key_value / heads.model.query;
}

host::Element element_of(const Array& array) {
  return host::element_of(array.dtype, Arithmetic::fp32);
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
