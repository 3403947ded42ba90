#include "hsap/schedule.hpp"

#include <array>

namespace hsap {
namespace {

template <typename T>
std::int64_t array_bytes(const std::vector<T>& array) {
  return static_cast<std::int64_t>(array.size() * sizeof(T));
}

template <typename Enum, std::size_t N>
std::string_view name_in(const std::array<std::string_view, N>& names, Enum value) {
  const auto at = static_cast<std::size_t>(value);
  return at < N ? names[at] : "?";
}

constexpr std::array<std::string_view, buffer_roles> role_names{"q",  "k",  "v",  "o",  "lse",
                                                                "dq", "dk", "dv", "do", "delta"};
constexpr std::array<std::string_view, 4> usage_names{"input", "output", "saved", "staging"};
constexpr std::array<std::string_view, operation_kinds> kind_names{
    "attend", "attend_backward", "delta",      "merge",          "reduce",
    "copy",   "exchange",        "all_gather", "reduce_scatter", "compute"};
constexpr std::array<std::string_view, streams> stream_names{"compute", "heads", "keys",
                                                             "gradients", "network"};
constexpr std::array<std::string_view, 4> slice_names{"full", "causal", "inverse_causal",
                                                      "bi_causal"};

}  // namespace

std::string_view to_string(Role role) { return name_in(role_names, role); }
std::string_view to_string(Usage usage) { return name_in(usage_names, usage); }
std::string_view to_string(Kind kind) { return name_in(kind_names, kind); }
std::string_view to_string(Stream stream) { return name_in(stream_names, stream); }
std::string_view to_string(SliceKind kind) { return name_in(slice_names, kind); }

int Schedule::width(Role role) const {
  return role == Role::lse || role == Role::delta ? 1 : heads.dim;
}

std::int64_t Schedule::bytes(const Buffer& buffer, std::int64_t rows, int head_count) const {
  return rows * head_count * width(buffer.role) * bytes_of(buffer.dtype);
}

std::int64_t Schedule::bytes(const Buffer& buffer) const {
  return bytes(buffer, tokens_in(intervals_of(buffer)), buffer.heads.size());
}

std::int64_t Schedule::bytes(const Transfer& transfer) const {
  return bytes(buffers[transfer.buffer], tokens_in(intervals_of(transfer)), transfer.heads.size());
}

HeadRange Schedule::key_heads(HeadRange query_heads) const {
  if (query_heads.size() <= 0) return {};
  const int first = query_heads.begin * heads.key_value / heads.query;
  const int last = (query_heads.end - 1) * heads.key_value / heads.query;
  return {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last + 1)};
}

std::int64_t Schedule::footprint_bytes() const {
  return array_bytes(intervals) + array_bytes(buffers) + array_bytes(operations) +
         array_bytes(transfers) + array_bytes(slices) + array_bytes(dependencies) +
         array_bytes(operands) + array_bytes(groups) + array_bytes(work) + array_bytes(programs) +
         array_bytes(home);
}

}  // namespace hsap
