#include "cli/inputs.hpp"

#include <catch2/catch.hpp>

using namespace hsap;
using namespace hsap::cli;

namespace {

template <typename T>
std::string error_of(const Result<T>& result) {
  REQUIRE_FALSE(result);
  CHECK(result.error().kind == ErrorKind::bad_input);
  return result.error().text();
}

ModelOptions heads(int query, std::optional<int> key_value) {
  ModelOptions options;
  options.heads = query;
  options.kv_heads = key_value;
  return options;
}

BatchOptions documents(const std::string& text, std::optional<Token> context) {
  BatchOptions options;
  options.documents = text;
  options.context = context;
  return options;
}

}  // namespace

TEST_CASE("overrides split at the first equals sign") {
  const std::string texts[] = {"a.b=1", "c=d=e", "f="};
  const auto overrides = read_overrides(texts);
  REQUIRE(overrides);
  REQUIRE(overrides->size() == 3);
  CHECK((*overrides)[0].path == "a.b");
  CHECK((*overrides)[1].value == "d=e");
  CHECK((*overrides)[2].value.empty());
  const std::string bad[] = {"no value"};
  CHECK(error_of(read_overrides(bad)).find("--set: not an assignment; found 'no value'") == 0);
}

TEST_CASE("heads stand in for a model") {
  const auto model = read_model(heads(32, 8), {});
  REQUIRE(model);
  CHECK(model->attention_only());
  CHECK(model->heads == Heads{32, 8, 128});
  // Left out, there are as many key/value heads as query heads.
  CHECK(read_model(heads(12, std::nullopt), {})->heads == Heads{12, 12, 128});
  CHECK(error_of(read_model(heads(12, 5), {})) ==
        "--heads, --kv-heads, --head-dim: key/value heads do not divide query heads; found 12 "
        "heads, 5 kv heads, head dim 128, expected heads a multiple of kv heads, head dim a "
        "multiple of 8");
  CHECK(error_of(read_model({}, {})).find("no model") == 0);
}

TEST_CASE("a model and heads contradict each other") {
  ModelOptions both = heads(32, std::nullopt);
  both.model = "llama3-8b";
  CHECK(error_of(read_model(both, {})).find("--heads: ") == 0);
}

TEST_CASE("an override of the model reaches it, and needs one") {
  const Override layers[] = {{"model.layers", "3"}};
  ModelOptions named;
  named.model = "llama3-8b";
  CHECK(read_model(named, layers)->layers == 3);
  error_of(read_model(heads(32, 8), layers));
}

TEST_CASE("documents make one batch, which the context must hold") {
  const auto batches = read_batches(documents("4K,512", std::nullopt));
  REQUIRE(batches);
  CHECK(*batches == std::vector<Batch>{{{4096, 512}}});
  CHECK(read_batches(documents("4K,512", 4608)));
  CHECK(error_of(read_batches(documents("4K,512", 4607))) ==
        "--documents: the documents do not fit the context; found 4608 tokens, expected at most "
        "4607");
  CHECK(error_of(read_batches(documents("4K,512", 4095))) ==
        "--documents: a document is longer than the context; found 4096 tokens, expected at most "
        "4095");
}

TEST_CASE("a trace needs a context and excludes documents") {
  BatchOptions options;
  options.trace = "wlb-llm";
  error_of(read_batches(options));
  options.context = 65536;
  options.batches = 2;
  const auto batches = read_batches(options);
  REQUIRE(batches);
  REQUIRE(batches->size() == 2);
  CHECK((*batches)[0].tokens() == 65536);
  options.documents = "4K";
  CHECK(error_of(read_batches(options)).find("--trace: ") == 0);
}

TEST_CASE("flags of the sampler mean nothing beside documents") {
  BatchOptions options = documents("4K", std::nullopt);
  SECTION("seed") { options.seed = 3; }
  SECTION("batches") { options.batches = 3; }
  SECTION("packing") { options.packing = Packing::best_fit; }
  error_of(read_batches(options));
}

TEST_CASE("a scene holds its cluster, overrides in place") {
  Options options;
  options.cluster.cluster = "dgx-h100";
  options.cluster.nodes = 2;
  options.cluster.set = {"nic.latency_s=1e-6", "runtime.host_launch_s=7e-6"};
  options.model = heads(32, 8);
  const auto scene = read_scene(options);
  REQUIRE(scene);
  CHECK(scene->setting.cluster == scene->cluster.get());
  CHECK(scene->cluster->gpus() == 16);
  CHECK(scene->cluster->spec().curves[static_cast<int>(LinkClass::nic)].latency_s == 1e-6);
  CHECK(scene->setting.runtime.host_launch_s == 7e-6);
}

TEST_CASE("a tensor parallelism that does not divide a node is named") {
  Options options;
  options.cluster.cluster = "dgx-h100";
  options.model = heads(32, 8);
  options.training.tensor_parallel = 3;
  CHECK(error_of(read_scene(options)) ==
        "--tensor-parallel: tensor parallelism stays inside a node; found 3, expected a divisor of "
        "8 GPUs");
}
