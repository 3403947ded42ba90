#pragma once

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

/// Roles whose heads are key/value heads; those of all others are query heads.
[[nodiscard]] constexpr bool in_key_heads(Role role) {
  return role == Role::k || role == Role::v || role == Role::dk || role == Role::dv;
}

/// How many heads rows of a role have in the model.
[[nodiscard]] constexpr int head_count(const Heads& heads, Role role) {
  return in_key_heads(role) ? heads.key_value : heads.query;
}

}  // namespace hsap
