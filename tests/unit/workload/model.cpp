#include "hsap/model.hpp"

#include <catch2/catch.hpp>

#include "support/folder.hpp"

using namespace hsap;

namespace {

Error error_of(const std::string& text) {
  const test::Folder folder;
  const std::string path = folder.write("m.json", text);
  const Result<Model> model = load_model(path);
  INFO(text);
  REQUIRE_FALSE(model);
  CHECK(model.error().file == path);
  CHECK(model.error().kind == ErrorKind::bad_input);
  return model.error();
}

/// A model file with one member written differently.
std::string with(const std::string& key, const std::string& value) {
  const std::pair<std::string, std::string> members[] = {{"schema", "\"hsap.model/1\""},
                                                         {"name", "\"m\""},
                                                         {"heads", "8"},
                                                         {"kv_heads", "2"},
                                                         {"head_dim", "64"},
                                                         {"layers", "2"},
                                                         {"hidden", "512"},
                                                         {"intermediate", "1024"},
                                                         {"vocabulary", "1000"}};
  std::string text = "{";
  bool known = false;
  for (const auto& [name, usual] : members) {
    known = known || name == key;
    const std::string& written = name == key ? value : usual;
    if (!written.empty()) text += "\"" + name + "\": " + written + ", ";
  }
  if (!known && !key.empty()) text += "\"" + key + "\": " + value + ", ";
  return text.substr(0, text.size() - 2) + "}";
}

}  // namespace

TEST_CASE("shipped models have their published parameter counts") {
  struct Row {
    const char* name;
    double billions;
  };
  const Row row = GENERATE(values<Row>({{"llama2-7b", 6.74},
                                        {"llama3-8b", 8.03},
                                        {"llama3-70b", 70.55},
                                        {"qwen3-4b", 4.02},
                                        {"qwen3-8b", 8.19},
                                        {"qwen3-32b", 32.76},
                                        {"qwen3-30b-a3b", 30.53},
                                        {"qwen3-235b-a22b", 235.1},
                                        {"llama3-405b", 405.9},
                                        {"gpt-oss-20b", 20.91},
                                        {"gpt-oss-120b", 116.8},
                                        {"gemma3-27b", 27.01}}));
  const Result<Model> model = load_model(row.name);
  REQUIRE(model);
  CHECK(model->name == row.name);
  CHECK(static_cast<double>(model->parameters()) == Approx(row.billions * 1e9).epsilon(0.001));
}

TEST_CASE("active parameters leave out idle experts and the embedding look-up") {
  const Model sparse = *load_model("qwen3-30b-a3b");
  // Published as 3.3 B activated, which counts the look-up table.
  const double with_table =
      static_cast<double>(sparse.active_parameters() + sparse.vocabulary * sparse.hidden);
  CHECK(with_table / 1e9 == Approx(3.35).epsilon(0.01));
  const Model dense = *load_model("llama3-8b");
  CHECK(dense.active_parameters() == dense.parameters() - dense.vocabulary * dense.hidden);
}

TEST_CASE("parameters of a small model, counted by hand") {
  // Attention 512 x 64 x (8 + 2 + 2 + 8) = 655360, MLP 3 x 512 x 1024 = 1572864, per layer;
  // embeddings and output 2 x 1000 x 512.
  const test::Folder folder;
  const Model model = *load_model(folder.write("m.json", with("", "")));
  CHECK(model.parameters() == 2 * (655360 + 1572864) + 1024000);
  const Model tied = *load_model(folder.write("t.json", with("tied_embeddings", "true")));
  CHECK(tied.parameters() == model.parameters() - 512000);
  CHECK(tied.active_parameters() == model.active_parameters());
}

TEST_CASE("an attention-only model has heads and nothing else") {
  const Model shipped = *load_model("attention-64h8kv");
  CHECK(shipped.attention_only());
  CHECK(shipped.heads == Heads{64, 8, 128});
  CHECK(shipped.parameters() == 0);
  const Model given = *attention_model({32, 32, 64});
  CHECK(given.attention_only());
  CHECK(given.heads == Heads{32, 32, 64});
  CHECK(given.name == "attention-32h32kv-64");
}

TEST_CASE("impossible heads are refused") {
  const Heads heads = GENERATE(Heads{0, 1, 128}, Heads{8, 0, 128}, Heads{8, 3, 128},
                               Heads{4, 8, 128}, Heads{8, 8, 0}, Heads{8, 8, 12},
                               Heads{-8, -8, 128}, Heads{8192, 8, 128}, Heads{8, 8, 2048});
  const Result<Model> model = attention_model(heads);
  REQUIRE_FALSE(model);
  CHECK_FALSE(model.error().found.empty());
  CHECK_FALSE(model.error().expected.empty());
}

TEST_CASE("tensor parallelism takes whole heads, or replicates them whole") {
  CHECK(*heads_per_rank({32, 8, 128}, 1) == Heads{32, 8, 128});
  CHECK(*heads_per_rank({32, 8, 128}, 8) == Heads{4, 1, 128});
  CHECK(*heads_per_rank({32, 8, 128}, 16) == Heads{2, 1, 128});
  // Of 12 query heads on 4 key/value heads, 3 ranks would take 4 each: 3 of one group, 1 of the
  // next.
  CHECK(heads_per_rank({12, 4, 128}, 3).error().kind == ErrorKind::infeasible);
  CHECK(heads_per_rank({12, 4, 128}, 5).error().kind == ErrorKind::infeasible);
}

TEST_CASE("bad model files are refused at the member") {
  CHECK(error_of(with("schema", "\"hsap.trace/1\"")).position == "/schema");
  CHECK(error_of(with("heads", "0")).position == "/heads");
  CHECK(error_of(with("heads", "\"8\"")).position == "/heads");
  CHECK(error_of(with("heads", "")).message == "missing key");
  CHECK(error_of(with("kv_heads", "3")).position == "/kv_heads");
  CHECK(error_of(with("kv_heads", "3")).message == "does not divide the query heads");
  CHECK(error_of(with("head_dim", "12")).position == "/head_dim");
  CHECK(error_of(with("head_dim", "12")).message == "no multiple of 8");
  CHECK(error_of(with("layers", "-1")).position == "/layers");
  CHECK(error_of(with("layers", "1.5")).position == "/layers");
  CHECK(error_of(with("hidden", "1e18")).position == "/hidden");
  CHECK(error_of(with("vocabulary", "")).position == "/vocabulary");
  CHECK(error_of(with("hidden_size", "1")).message == "unknown key");
  CHECK(error_of(with("experts", "8")).position == "/experts_per_token");
  CHECK(error_of("[]").expected == "an object");
  CHECK(error_of("{").message == "not valid JSON");
}

TEST_CASE("layers are named for an attention-only file that gives a width") {
  const Error error = error_of(
      R"({"schema": "hsap.model/1", "name": "m", "heads": 8, "kv_heads": 8, "head_dim": 64,
          "hidden": 512})");
  CHECK(error.position == "/hidden");
  CHECK(error.message == "unknown key");
}

TEST_CASE("overrides change a model before it is checked") {
  const std::vector<Override> changes{{"model.layers", "1"}, {"nic.count", "4"}};
  const Result<Model> model = load_model("llama3-8b", changes);
  REQUIRE(model);
  CHECK(model->layers == 1);
  const std::vector<Override> wrong{{"model.layer", "1"}};
  const Result<Model> unknown = load_model("llama3-8b", wrong);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().expected.rfind("'model.layers'", 0) == 0);
  const std::vector<Override> zero{{"model.layers", "0"}};
  CHECK_FALSE(load_model("llama3-8b", zero));
}

TEST_CASE("Some layers of a model see a window") {
  const Model model = *load_model("gpt-oss-120b");
  CHECK(model.window == 128);
  CHECK(model.window_layers == 18);
  const auto masks = *layer_masks(model, *parse_mask("causal"));
  REQUIRE(masks.size() == 2);
  CHECK(masks[0].mask == *parse_mask("causal"));
  CHECK(masks[1].mask == *parse_mask("sliding:128"));
  CHECK(masks[0].share + masks[1].share == 1);
  // 1,000 tokens: 500,500 causal pairs; 128 a row but for the first 127 rows of the window.
  CHECK(layer_area(masks, {{1000}}) == (500'500 + 1000 * 128 - 127 * 128 / 2) / 2);
  // No layer sees further than the mask of all.
  CHECK(layer_masks(model, *parse_mask("sliding:128"))->size() == 1);
  CHECK(layer_masks(model, *parse_mask("sliding:129"))->size() == 2);
  for (const char* mask : {"full", "prefix:8", "shared_question:8:2"}) {
    const auto none = layer_masks(model, *parse_mask(mask));
    REQUIRE_FALSE(none);
    CHECK(none.error().text() == std::string("layers of gpt-oss-120b have a window; found ") +
                                     mask + ", expected a mask that is causal or sliding");
  }
}

TEST_CASE("A window needs layers, and not all of them") {
  CHECK(error_of(with("window", "128"))
            .text()
            .ends_with("/window_layers: missing key; found nothing, expected 'window_layers'"));
  CHECK(error_of(with("window_layers", "1"))
            .text()
            .ends_with("/window: missing key; found nothing, expected 'window'"));
  // One member stands for two here.
  for (const char* count : {"2", "7"}) {
    const std::string both = std::string(count) + ", \"window\": 128";
    CHECK(error_of(with("window_layers", both))
              .text()
              .ends_with(std::string("no layer is left without a window; found ") + count +
                         ", expected fewer than 2"));
  }
}
