#include "validate/cases/case_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string_view>
#include <utility>

#include "base/names.hpp"
#include "cluster/read.hpp"
#include "export/json/strategy.hpp"
#include "export/json/training.hpp"
#include "export/option_names.hpp"

namespace hsap::cases {
namespace {

constexpr std::size_t most_cases = 1 << 20;
constexpr std::size_t most_documents = 1 << 20;
constexpr std::size_t most_batches = 1 << 10;
constexpr std::size_t most_pairs = 1 << 16;
constexpr std::int64_t most_bytes = std::int64_t{1} << 40;

Result<Collective::Kind> parse_collective(const std::string& text) {
  constexpr std::string_view names[] = {"all_gather", "reduce_scatter", "all_reduce", "all_to_all"};
  return parse_name<Collective::Kind>(text, "collective", names);
}

Heads read_heads(json::Object& from) {
  constexpr int most = 4096;
  Heads heads;
  heads.query = static_cast<int>(from.integer("heads", 1, most));
  heads.key_value = static_cast<int>(from.integer_or("kv_heads", heads.query, 1, most));
  heads.dim = static_cast<int>(from.integer("head_dim", 8, 1024));
  const Result<Model> model = attention_model(heads);
  if (!model && !from.failed()) from.fail("kv_heads", model.error().message, model.error().found);
  return heads;
}

Batch read_documents(json::Object& from) {
  Batch batch;
  for (const std::int64_t length : from.integers("documents", most_documents, 1, max_tokens)) {
    batch.lengths.push_back(static_cast<Token>(length));
  }
  const Status sane = check(batch);
  if (!sane && !from.failed()) {
    from.fail("documents", sane.error().message, sane.error().found, sane.error().expected);
  }
  return batch;
}

/// Of "documents", or of "batches" of documents.
std::vector<Batch> read_batches(json::Object& from) {
  if (!from.has("batches")) return {read_documents(from)};
  std::vector<Batch> batches;
  for (json::Object& batch : from.objects("batches", most_batches)) {
    batches.push_back(read_documents(batch));
    batch.done();
  }
  if (batches.empty() && !from.failed()) from.fail("batches", "no batches", "none");
  return batches;
}

/// A degree that is left out follows from the GPUs, as in hsap-sim.
Strategy read_strategy_on(json::Object& from, int gpus) {
  const bool complete = from.has("ulysses") && from.has("context_parallel");
  return read_strategy(from, complete ? 0 : gpus);
}

Attention read_attention(json::Object& from, int gpus) {
  Problem problem;
  problem.heads = read_heads(from);
  problem.mask = from.parsed_or("mask", parse_mask, Mask{});
  if (from.has("balanced_by")) problem.balanced_by = from.parsed("balanced_by", parse_mask);
  problem.dtype = from.parsed_or("dtype", parse_dtype, Dtype::bf16);
  Attention work;
  for (Batch& batch : read_batches(from)) {
    problem.batch = std::move(batch);
    work.problems.push_back(problem);
  }
  work.passes = from.parsed("pass", parse_passes);
  work.serialised = from.boolean_or("serialised", false);
  json::Object strategy = from.object("strategy");
  work.strategy = work.serialised ? read_strategy(strategy) : read_strategy_on(strategy, gpus);
  strategy.done();
  return work;
}

Training read_training_on(json::Object from, const Case& item) {
  Training training = read_training(from, false);
  training.tensor_parallel =
      static_cast<int>(from.integer_or("tensor_parallel", 1, 1, item.gpus_per_node));
  training.pipeline_parallel = static_cast<int>(
      from.integer_or("pipeline_parallel", 1, 1, std::int64_t{item.nodes} * item.gpus_per_node));
  training.expert_parallel =
      static_cast<int>(from.integer_or("expert_parallel", 1, 1, max_expert_parallel));
  from.done();
  return training;
}

Step read_step(json::Object& from, const Case& item, const Model* model) {
  Step work;
  if (model != nullptr) work.model = *model;
  if (model == nullptr || model->attention_only()) {
    from.fail("training", "a step of no model", model != nullptr ? "one without layers" : "nothing",
              "\"model\" here or beside the cases");
  }
  work.training = read_training_on(from.object("training"), item);
  work.batch = read_documents(from);
  work.mask = from.parsed_or("mask", parse_mask, Mask{});
  json::Object strategy = from.object("strategy");
  // None are left where the degrees are too much, which the prediction tells.
  const std::int64_t ranks =
      std::int64_t{item.nodes} * item.gpus_per_node /
      (std::int64_t{work.training.tensor_parallel} * work.training.pipeline_parallel);
  work.strategy = read_strategy_on(strategy, static_cast<int>(std::max<std::int64_t>(1, ranks)));
  strategy.done();
  return work;
}

/// Of "query" x "key" tokens, or of packed documents.
Kernel read_kernel(json::Object& from) {
  Kernel work;
  work.heads = read_heads(from);
  const Mask mask = from.parsed_or("mask", parse_mask, Mask{});
  const Passes passes = from.parsed("pass", parse_passes);
  if (passes == Passes::both) from.fail("pass", "a kernel has one pass", "'both'");
  work.pass = passes == Passes::backward ? Pass::backward : Pass::forward;
  if (from.has("documents")) {
    const Batch batch = read_documents(from);
    const std::int64_t slices = count_slices(mask, batch);
    if (slices > max_slices) {
      from.fail("documents", "too much for the mask", fmt::format("up to {} slices", slices),
                fmt::format("at most {}", max_slices));
    }
    if (!from.failed()) work.slices = lower(mask, batch);
    return work;
  }
  json::Object kernel = from.object("kernel");
  const auto query = static_cast<Token>(kernel.integer("query", 1, max_tokens));
  const auto key = static_cast<Token>(kernel.integer("key", 1, max_tokens));
  const auto documents = static_cast<Token>(kernel.integer_or("documents", 1, 1, most_documents));
  const std::int64_t tokens = std::int64_t{std::max(query, key)} * documents;
  if (tokens > max_tokens) {
    kernel.fail("documents", "more tokens than a batch may have", std::to_string(tokens),
                fmt::format("at most {}", max_tokens));
  }
  kernel.done();
  if (from.failed()) return work;
  const bool causal = mask.kind == Mask::Kind::causal;
  if (!causal && mask.kind != Mask::Kind::full) {
    from.fail("mask", "a kernel of query x key tokens is causal or full", to_string(mask));
  }
  for (Token i = 0; i < documents; ++i) {
    work.slices.push_back({make_interval(i * query, (i + 1) * query),
                           make_interval(i * key, (i + 1) * key),
                           causal ? SliceKind::causal : SliceKind::full});
  }
  return work;
}

Transfers read_transfers(json::Object& from, int gpus) {
  Transfers work;
  work.bytes = from.integer("bytes", 1, most_bytes);
  const json::Value* list = from.raw("transfers");
  if (list == nullptr) return work;
  const std::string expected = fmt::format("pairs of GPUs [from, to] below {}", gpus);
  if (!list->is_array() || list->empty() || list->size() > most_pairs) {
    from.fail("transfers", "no list of pairs", json::brief(*list), expected);
    return work;
  }
  for (const json::Value& pair : *list) {
    const bool sane = pair.is_array() && pair.size() == 2 && pair[0].is_number_unsigned() &&
                      pair[1].is_number_unsigned() &&
                      pair[0].get<std::uint64_t>() < static_cast<std::uint64_t>(gpus) &&
                      pair[1].get<std::uint64_t>() < static_cast<std::uint64_t>(gpus) &&
                      pair[0] != pair[1];
    if (!sane) {
      from.fail("transfers", "no pair of GPUs", json::brief(pair), expected);
      return work;
    }
    work.pairs.emplace_back(pair[0].get<int>(), pair[1].get<int>());
  }
  return work;
}

Collective read_collective(json::Object& from, std::int64_t gpus) {
  Collective work;
  if (gpus < 2) from.fail("collective", "a collective of one GPU", "1 GPU", "at least 2");
  work.kind = from.parsed("collective", parse_collective);
  work.bytes = from.integer("bytes", 1, most_bytes);
  return work;
}

Overlap read_overlap(json::Object from) {
  constexpr json::Limits sane{0, 100, true};
  Overlap work{from.number("compute_s", sane), from.number("communication_s", sane)};
  from.done();
  return work;
}

/// Seconds, or in their place bytes of memory.
void read_measured(json::Object& from, Case& item) {
  constexpr const char* seconds = "measured_s";
  constexpr const char* bytes = "measured_peak_bytes";
  if (!from.has(bytes)) {
    item.measured = from.number(seconds, json::positive);
    return;
  }
  item.quantity = Quantity::peak_bytes;
  item.measured = from.number(bytes, json::positive);
  if (from.has(seconds)) {
    from.fail(seconds, "a case measures one thing", fmt::format("\"{}\" beside it", bytes),
              "a case for each");
  } else if (!std::holds_alternative<Step>(item.work)) {
    from.fail(bytes, "memory of what is no training step", "no \"training\"");
  }
}

Case read_case(json::Object from, const ClusterSpec& cluster, const Model* model) {
  Case item;
  item.name = from.text("name");
  item.group = from.text("group");
  item.note = from.text_or("note", "");
  item.nodes = static_cast<int>(from.integer_or("nodes", 1, 1, max_cluster_gpus));
  item.gpus_per_node = static_cast<int>(
      from.integer_or("gpus_per_node", cluster.gpus_per_node(), 1, cluster.gpus_per_node()));
  if (from.has("training")) {
    item.work = read_step(from, item, model);
  } else if (from.has("strategy")) {
    item.work = read_attention(from, item.nodes * item.gpus_per_node);
  } else if (from.has("transfers")) {
    const std::int64_t gpus = std::int64_t{item.nodes} * cluster.gpus_per_node();
    item.work = read_transfers(from, static_cast<int>(std::min<std::int64_t>(gpus, 1 << 20)));
  } else if (from.has("collective")) {
    item.work = read_collective(from, std::int64_t{item.nodes} * item.gpus_per_node);
  } else if (from.has("overlap")) {
    item.work = read_overlap(from.object("overlap"));
  } else {
    item.work = read_kernel(from);
  }
  read_measured(from, item);
  from.done();
  return item;
}

/// A name or path, or the object itself; "calibration" overrides numbers of a cluster. Errors
/// inside an object get the place where it stands.
template <typename T, typename Load, typename Read>
Result<T> name_or_object(const json::Value& root, const char* key, const std::string& path,
                         const std::vector<Override>& changes, Load load, Read read) {
  const auto found = root.find(key);
  if (found == root.end() || !(found->is_string() || found->is_object())) {
    Error error =
        bad_input("no name and no object", found == root.end() ? "nothing" : json::brief(*found),
                  "a name, a path or an object");
    error.file = path;
    error.position = fmt::format("/{}", key);
    return error;
  }
  const bool named = found->is_string();
  Result<T> result =
      named ? load(found->template get<std::string>(), changes) : read(*found, path, changes);
  if (result) return result;
  Error error = std::move(result).error();
  if (!named || error.file.empty()) {
    error.file = path;
    error.position = fmt::format("/{}{}", key, error.position);
  }
  return error;
}

/// The cluster, or the runtime, is right without its changes, so a change is wrong:
/// "/nic/latency_s" of the cluster is "/calibration/nic.latency_s" of the file, of the runtime
/// "/kernel_slowdown" is "/calibration/runtime.kernel_slowdown".
Error at_calibration(const std::string& path, const std::string& key, Error error) {
  constexpr std::string_view flag = "--set: ";
  if (error.message.starts_with(flag)) error.message.erase(0, flag.size());
  std::string number = std::move(error.position);
  if (number.starts_with("/" + key)) number.erase(0, key.size() + 1);
  if (!number.empty()) std::replace(number.begin() + 1, number.end(), '/', '.');
  if (key == "runtime" && !number.empty()) number.insert(1, "runtime.");
  error.file = path;
  error.position = "/calibration" + number;
  return error;
}

/// An error of what a file names, with the place of the name unless it has one of its own.
Error placed(Error error, const std::string& path, const std::string& position) {
  if (error.file.empty()) {
    error.file = path;
    error.position = position;
  }
  return error;
}

/// What cases name, a runtime or a model, each read once.
template <typename T>
class Named {
 public:
  using Load = std::function<Result<T>(const std::string& name)>;
  explicit Named(Load load) : load_(std::move(load)) {}

  /// Null where the case has no such key.
  Result<std::shared_ptr<const T>> of(json::Object& from, const char* key, const CaseFile& file) {
    const std::string name = from.text_or(key, "");
    if (name.empty()) return std::shared_ptr<const T>();
    std::shared_ptr<const T>& known = known_[name];
    if (known == nullptr) {
      Result<T> loaded = load_(name);
      if (!loaded) {
        return placed(std::move(loaded).error(), file.path,
                      fmt::format("/cases/{}/{}", file.cases.size(), key));
      }
      known = std::make_shared<const T>(*std::move(loaded));
    }
    return known;
  }

 private:
  Load load_;
  std::map<std::string, std::shared_ptr<const T>> known_;
};

Status add_cases(json::Object& root, CaseFile& file) {
  Named<Runtime> runtimes([](const std::string& name) { return load_runtime(name); });
  Named<Model> models([](const std::string& name) { return load_model(name); });
  std::map<std::string, Quantity> quantities;  // of each group
  for (json::Object& from : root.objects("cases", most_cases)) {
    HSAP_TRY(std::shared_ptr<const Runtime> runtime, runtimes.of(from, "runtime", file));
    std::shared_ptr<const Model> own;
    if (from.has("training")) {
      HSAP_TRY(own, models.of(from, "model", file));
    }
    const Model* model = file.model ? &*file.model : nullptr;
    file.cases.push_back(
        read_case(std::move(from), file.cluster, own != nullptr ? own.get() : model));
    Case& item = file.cases.back();
    item.runtime = std::move(runtime);
    const auto [group, fresh] = quantities.emplace(item.group, item.quantity);
    if (fresh || group->second == item.quantity || root.failed()) continue;
    Error error = bad_input("a group measures one thing",
                            "seconds and bytes in '" + item.group + "'", "a group for each");
    error.file = file.path;
    error.position = fmt::format("/cases/{}/group", file.cases.size() - 1);
    return error;
  }
  return {};
}

/// What was measured on what, in the words of who measured.
std::vector<std::pair<std::string, std::string>> setup_of(json::Object& root) {
  constexpr std::size_t most = 64;
  std::vector<std::pair<std::string, std::string>> setup;
  if (!root.has("setup")) return setup;
  const json::Value& texts = *root.raw("setup");
  const auto is_text = [](const json::Value& value) { return value.is_string(); };
  if (!texts.is_object() || texts.size() > most ||
      !std::all_of(texts.begin(), texts.end(), is_text)) {
    root.fail("setup", "no texts by name", json::brief(texts),
              fmt::format("at most {} texts: {{\"device\": \"H100\", ...}}", most));
    return setup;
  }
  for (const auto& [key, value] : texts.items()) setup.emplace_back(key, value);
  return setup;
}

std::vector<Override> calibration_of(json::Object& root) {
  std::vector<Override> changes;
  if (!root.has("calibration")) return changes;
  const json::Value& numbers = *root.raw("calibration");
  const auto is_number = [](const json::Value& value) { return value.is_number(); };
  if (!numbers.is_object() || !std::all_of(numbers.begin(), numbers.end(), is_number)) {
    root.fail("calibration", "no numbers by path", json::brief(numbers),
              "{\"nic.bandwidth_bytes_per_s\": 25e9, ...}");
    return changes;
  }
  for (const auto& [key, value] : numbers.items()) changes.push_back({key, value.dump()});
  return changes;
}

}  // namespace

Result<CaseFile> parse_cases(const json::Value& value, const std::string& path) {
  CaseFile file;
  file.path = path;
  json::Object root(value, path);
  root.schema("hsap.cases/1");
  file.source = root.text("source");
  file.setup = setup_of(root);
  std::vector<Override> changes = calibration_of(root);
  const auto of_runtime = std::stable_partition(
      changes.begin(), changes.end(),
      [](const Override& change) { return !change.path.starts_with("runtime."); });
  const std::vector<Override> to_runtime(of_runtime, changes.end());
  changes.erase(of_runtime, changes.end());
  if (root.failed()) return root.finish().error();
  const auto load = [](const std::string& name, const std::vector<Override>& by) {
    return load_cluster(name, by);
  };
  HSAP_TRY(file.cluster,
           name_or_object<ClusterSpec>(value, "cluster", path, {}, load, read_cluster));
  if (!changes.empty()) {
    Result<ClusterSpec> changed =
        name_or_object<ClusterSpec>(value, "cluster", path, changes, load, read_cluster);
    if (!changed) return at_calibration(path, "cluster", std::move(changed).error());
    file.cluster = *std::move(changed);
  }
  const auto load_profile = [](const std::string& name, const std::vector<Override>& by) {
    return load_runtime(name, by);
  };
  HSAP_TRY(file.runtime,
           name_or_object<Runtime>(value, "runtime", path, {}, load_profile, read_runtime));
  if (!to_runtime.empty()) {
    Result<Runtime> changed =
        name_or_object<Runtime>(value, "runtime", path, to_runtime, load_profile, read_runtime);
    if (!changed) return at_calibration(path, "runtime", std::move(changed).error());
    file.runtime = *std::move(changed);
  }
  if (root.has("model")) {
    Result<Model> model = load_model(root.text("model"));
    if (!model) return placed(std::move(model).error(), path, "/model");
    file.model = *std::move(model);
  }
  static_cast<void>(root.raw("cluster"));
  static_cast<void>(root.raw("runtime"));
  file.cluster_name = file.cluster.name;
  HSAP_CHECK(add_cases(root, file));
  HSAP_CHECK(root.finish());
  if (file.cases.empty()) {
    Error error = bad_input("no cases", "an empty list", "at least one case");
    error.file = path;
    error.position = "/cases";
    return error;
  }
  return file;
}

Result<CaseFile> read_cases(const std::string& path) {
  HSAP_TRY(const json::Value value, json::read(path));
  return parse_cases(value, path);
}

}  // namespace hsap::cases
