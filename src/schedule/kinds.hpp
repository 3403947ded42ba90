#pragma once

#include <array>
#include <span>

#include "hsap/schedule.hpp"

/// What every interpreter asks about the words of a schedule.
namespace hsap {

/// Operations that all ranks of a group take part in.
[[nodiscard]] constexpr bool is_collective(Kind kind) {
  return kind == Kind::all_gather || kind == Kind::reduce_scatter;
}

/// Operations that move data between ranks; all others are kernels.
[[nodiscard]] constexpr bool communicates(Kind kind) {
  return kind == Kind::exchange || is_collective(kind);
}

namespace operand_roles {
inline constexpr std::array attend{Role::q, Role::k, Role::v, Role::o, Role::lse};
inline constexpr std::array attend_backward{Role::q,     Role::k,  Role::v,  Role::dout, Role::lse,
                                            Role::delta, Role::dq, Role::dk, Role::dv};
inline constexpr std::array delta{Role::o, Role::dout, Role::delta};
inline constexpr std::array merge{Role::o, Role::lse, Role::o, Role::lse};
}  // namespace operand_roles

/// Operations whose operands are pairs of a source and a destination.
[[nodiscard]] constexpr bool takes_pairs(Kind kind) {
  return kind == Kind::reduce || kind == Kind::copy || is_collective(kind);
}

/// Roles of the operands of the other kinds, in the order Kind documents; those of an exchange and
/// of compute are none.
[[nodiscard]] constexpr std::span<const Role> roles_of(Kind kind) {
  if (kind == Kind::attend) return operand_roles::attend;
  if (kind == Kind::attend_backward) return operand_roles::attend_backward;
  if (kind == Kind::delta) return operand_roles::delta;
  if (kind == Kind::merge) return operand_roles::merge;
  return {};
}

/// How many of roles_of() come first because they are read; the rest are results.
[[nodiscard]] constexpr std::size_t inputs_of(Kind kind) {
  if (kind == Kind::attend) return 3;
  return kind == Kind::attend_backward ? 6 : roles_of(kind).empty() ? 0 : 2;
}

/// Roles whose heads are key/value heads; those of all others are query heads.
[[nodiscard]] constexpr bool in_key_heads(Role role) {
  return role == Role::k || role == Role::v || role == Role::dk || role == Role::dv;
}

/// How many heads rows of a role have in the model.
[[nodiscard]] constexpr int head_count(const Heads& heads, Role role) {
  return in_key_heads(role) ? heads.key_value : heads.query;
}

}  // namespace hsap
