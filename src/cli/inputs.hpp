#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "hsap/batch.hpp"
#include "hsap/cluster.hpp"
#include "hsap/model.hpp"
#include "hsap/predict.hpp"

namespace hsap::cli {

/// The error with the flag as its place, unless it has a place of its own: a file, or another flag
/// that its message begins with.
[[nodiscard]] Error at_flag(const char* flag, Error error);

/// "key=value" texts of --set as overrides.
[[nodiscard]] Result<std::vector<Override>> read_overrides(std::span<const std::string> set);

/// The cluster with its overrides, at its number of nodes.
[[nodiscard]] Result<Cluster> read_cluster(const ClusterOptions& options);

/// The named model, or an attention-only one of --heads, --kv-heads (as many as --heads when left
/// out) and --head-dim (128).
[[nodiscard]] Result<Model> read_model(const ModelOptions& options,
                                       std::span<const Override> overrides);

/// The batch of --documents, or batches sampled from --trace.
[[nodiscard]] Result<std::vector<Batch>> read_batches(const BatchOptions& options);

/// A setting together with the cluster that it points to.
struct Scene {
  std::unique_ptr<const Cluster> cluster;
  Setting setting;
};
/// Cluster, model, runtime, problem and training, whose tensor parallelism must divide a node.
[[nodiscard]] Result<Scene> read_scene(const Options& options);

}  // namespace hsap::cli
