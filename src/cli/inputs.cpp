#include "cli/inputs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/trainings.hpp"
#include "hsap/trace.hpp"

namespace hsap::cli {
namespace {

Result<Batch> read_documents(const BatchOptions& options) {
  Result<Batch> batch = parse_documents(options.documents);
  if (!batch) return at_flag("--documents", std::move(batch).error());
  if (!options.context) return batch;
  const Token longest = *std::max_element(batch->lengths.begin(), batch->lengths.end());
  if (longest > *options.context) {
    return at_flag("--documents", bad_input("a document is longer than the context",
                                            fmt::format("{} tokens", longest),
                                            fmt::format("at most {}", *options.context)));
  }
  if (batch->tokens() > *options.context) {
    return at_flag("--documents", bad_input("the documents do not fit the context",
                                            fmt::format("{} tokens", batch->tokens()),
                                            fmt::format("at most {}", *options.context)));
  }
  return batch;
}

/// What only makes sense beside --trace.
Status check_sampler_unused(const BatchOptions& options) {
  const char* flag = options.batches   ? "--batches"
                     : options.seed    ? "--seed"
                     : options.packing ? "--packing"
                                       : nullptr;
  if (flag == nullptr) return {};
  return at_flag(flag, bad_input("means nothing beside --documents", "both", "one of the two"));
}

Result<std::vector<Batch>> read_samples(const BatchOptions& options) {
  if (!options.documents.empty()) {
    return at_flag("--trace", bad_input("contradicts --documents", "both", "one of the two"));
  }
  if (!options.context) {
    return bad_input("--trace needs a context", "nothing", "--context N, such as 256K");
  }
  Result<Trace> trace = load_trace(options.trace);
  if (!trace) return at_flag("--trace", std::move(trace).error());
  SampleOptions sampling;
  sampling.context = *options.context;
  sampling.batches = options.batches.value_or(8);
  sampling.seed = options.seed.value_or(1);
  sampling.packing = options.packing.value_or(Packing::sequential);
  Result<std::vector<Batch>> batches = sample(*trace, sampling);
  if (!batches) return at_flag("--trace", std::move(batches).error());
  return batches;
}

Result<Model> read_heads(const ModelOptions& options, std::span<const Override> overrides) {
  const bool overridden = std::any_of(overrides.begin(), overrides.end(), [](const Override& o) {
    return o.path.starts_with("model.");
  });
  if (overridden) {
    return bad_input("--set model. without a model to change", "no --model", "--model NAME|FILE");
  }
  if (!options.heads) {
    return bad_input("no model", "nothing",
                     "--model NAME|FILE, or --heads H [--kv-heads K] [--head-dim D]");
  }
  const int query = *options.heads;
  Result<Model> model =
      attention_model({query, options.kv_heads.value_or(query), options.head_dim.value_or(128)});
  if (!model) return at_flag("--heads, --kv-heads, --head-dim", std::move(model).error());
  return model;
}

}  // namespace

Error at_flag(const char* flag, Error error) {
  if (error.file.empty() && !error.message.starts_with("--")) error.file = flag;
  return error;
}

Result<std::vector<Override>> read_overrides(std::span<const std::string> set) {
  std::vector<Override> overrides;
  for (const std::string& text : set) {
    std::optional<Override> parsed = parse_override(text);
    if (!parsed) {
      return at_flag("--set", bad_input("not an assignment", "'" + text + "'",
                                        "key=value, such as nic.bandwidth_bytes_per_s=100e9"));
    }
    overrides.push_back(*std::move(parsed));
  }
  return overrides;
}

Result<Cluster> read_cluster(const ClusterOptions& options) {
  HSAP_TRY(const std::vector<Override> overrides, read_overrides(options.set));
  Result<ClusterSpec> spec = load_cluster(options.cluster, overrides);
  if (!spec) return at_flag("--cluster", std::move(spec).error());
  Result<Cluster> cluster = Cluster::build(*spec, options.nodes);
  if (!cluster) return at_flag("--cluster", std::move(cluster).error());
  return cluster;
}

Result<Model> read_model(const ModelOptions& options, std::span<const Override> overrides) {
  if (options.model.empty()) return read_heads(options, overrides);
  const char* flag = options.heads      ? "--heads"
                     : options.kv_heads ? "--kv-heads"
                     : options.head_dim ? "--head-dim"
                                        : nullptr;
  if (flag != nullptr) {
    return at_flag(flag, bad_input("contradicts --model", "both", "one of the two"));
  }
  Result<Model> model = load_model(options.model, overrides);
  if (!model) return at_flag("--model", std::move(model).error());
  return model;
}

Result<std::vector<Batch>> read_batches(const BatchOptions& options) {
  if (!options.trace.empty()) return read_samples(options);
  if (options.documents.empty()) {
    return bad_input("no batch", "nothing", "--documents N,N,... or --trace NAME|FILE --context N");
  }
  HSAP_CHECK(check_sampler_unused(options));
  HSAP_TRY(Batch batch, read_documents(options));
  return std::vector<Batch>{std::move(batch)};
}

Result<Scene> read_scene(const Options& options) {
  HSAP_TRY(const std::vector<Override> overrides, read_overrides(options.cluster.set));
  HSAP_TRY(Cluster cluster, read_cluster(options.cluster));
  HSAP_TRY(Model model, read_model(options.model, overrides));
  if (const auto masks = layer_masks(model, options.problem.mask); !masks) {
    return at_flag("--mask", masks.error());
  }
  Result<Runtime> runtime = load_runtime(options.problem.runtime, overrides);
  if (!runtime) return at_flag("--runtime", std::move(runtime).error());
  Scene scene;
  scene.cluster = std::make_unique<const Cluster>(std::move(cluster));
  scene.setting = {scene.cluster.get(),  *std::move(runtime),   std::move(model),
                   options.problem.mask, options.problem.dtype, options.problem.passes,
                   options.training};
  if (const Status possible = check_training(scene.setting); !possible) {
    Error mistake = possible.error();
    mistake.kind = ErrorKind::bad_input;  // there is no other way to train to choose
    return mistake;
  }
  return scene;
}

}  // namespace hsap::cli
