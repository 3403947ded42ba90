#pragma once

#include <string>

#include "hsap/plan.hpp"

namespace hsap::apps {

/// A plan for people: what, where, why, the figures, a picture of the mesh, the layout of one
/// batch, and what else was possible.
[[nodiscard]] std::string plan_view(const Plan& plan, int batch, bool color);

/// The ranks of replica 0 as the mesh they form: a row for each context shard, a column for each
/// Ulysses rank, with the nodes of each row. Large meshes show their corners.
[[nodiscard]] std::string mesh_picture(const Plan& plan);

/// Tokens, intervals and documents of each context shard of one batch.
[[nodiscard]] std::string layout_summary(const Plan& plan, int batch, bool color);

}  // namespace hsap::apps
