#include "tuner/trainings.hpp"

#include <catch2/catch.hpp>

using namespace hsap;

namespace {

/// A search of one candidate.
Attempt attempt(int zero, int tensor_parallel, double tokens_per_s) {
  Attempt out;
  out.training.zero = zero;
  out.training.tensor_parallel = tensor_parallel;
  Candidate candidate;
  candidate.strategy = {2, 4};
  candidate.tokens_per_s = tokens_per_s;
  candidate.peak_bytes = 40000000000;
  candidate.outcome = tokens_per_s > 0 ? Outcome::feasible : Outcome::out_of_memory;
  if (tokens_per_s == 0) candidate.reason = "needs 90.00 GB of 75.20 GB";
  out.search.emplace();
  out.search->candidates = {candidate};
  if (tokens_per_s > 0) out.search->best = 0;
  return out;
}

Attempt impossible() {
  Attempt out;
  out.training.tensor_parallel = 8;
  out.impossible = "heads do not split";
  return out;
}

}  // namespace

TEST_CASE("the best way to train has the most tokens per second, the first of those") {
  CHECK(best_of(std::vector{attempt(1, 1, 100), attempt(3, 1, 200), attempt(3, 2, 200)}) == 1U);
  CHECK(best_of(std::vector{attempt(1, 1, 0), impossible(), attempt(3, 1, 5)}) == 2U);
  CHECK_FALSE(best_of(std::vector{attempt(1, 1, 0), impossible()}));
}

TEST_CASE("the other ways are compared with it, those that fit") {
  const std::vector<Attempt> attempts{attempt(1, 1, 100), attempt(3, 2, 150), impossible(),
                                      attempt(3, 1, 200), attempt(0, 1, 0),   attempt(2, 1, 200)};
  const std::vector<std::string> sentences = compare_trainings(attempts, 3);
  REQUIRE(sentences.size() == 3);
  CHECK(sentences[0].ends_with(") is as fast"));
  CHECK(sentences[1] == "with ZeRO 3, selective checkpointing, tensor parallel 2 the best (" +
                            to_string(Strategy{2, 4}) + ") takes 33.3 % longer a token");
  CHECK(sentences[2].starts_with("with ZeRO 1, selective checkpointing the best "));
}

TEST_CASE(
    "where nothing fits, the nearest is told by its large parts and what makes them smaller") {
  const Cluster cluster = *Cluster::build(*load_cluster("dgx-h100"), 1);
  Setting setting;
  setting.cluster = &cluster;
  setting.model = *load_model("llama3-8b");
  std::vector<Attempt> attempts{attempt(1, 1, 0), attempt(0, 1, 0), impossible()};
  Candidate& nearest = attempts[1].search->candidates[0];
  nearest.peak_bytes = 30000000000;
  nearest.too_much = {{"gradients", 8e9}, {"activations", 11e9}, {"logits", 10e9}, {"rest", 1e9}};
  const std::string all = "  the least, " + to_string(nearest.strategy) + " with ";
  CHECK(
      nearest_to_fit(attempts, setting) ==
      all +
          "ZeRO 0, selective checkpointing, needs activations 11.00 GB, logits 10.00 GB, gradients "
          "8.00 GB\n  less with --checkpointing full, --loss-chunks 16, --zero 2");
  CHECK(nearest_to_fit(attempts, setting, false)
            .ends_with("\n  less with --checkpointing full, --zero 2"));
  Training& training = attempts[1].training;
  training.checkpointing = Training::Checkpointing::full;
  training.loss_chunks = 8;
  training.zero = 3;
  CHECK(nearest_to_fit(attempts, setting).ends_with("\n  less with --offload activations"));
  training.offload = Training::Offload::activations;
  CHECK(nearest_to_fit(attempts, setting).ends_with("gradients 8.00 GB"));
  const Cluster unknown = *Cluster::build(*load_cluster("h800"), 1);
  setting.cluster = &unknown;
  training.offload = Training::Offload::none;
  CHECK(nearest_to_fit(attempts, setting).ends_with("gradients 8.00 GB"));
  setting.model = *attention_model({32, 8, 128});
  training = {};
  CHECK(nearest_to_fit(attempts, setting).ends_with("gradients 8.00 GB"));
  CHECK(nearest_to_fit(std::vector{attempt(1, 1, 5), impossible()}, setting).empty());
}

TEST_CASE("all ways are told to programs, in the order in which they were asked for") {
  const json::Ordered told =
      trainings_json(std::vector{attempt(0, 1, 0), impossible(), attempt(3, 2, 200)});
  REQUIRE(told.size() == 3);
  for (const std::size_t no : {0U, 1U}) {
    CHECK(told[no]["feasible"] == false);
    for (const char* key : {"tokens_per_s", "strategy", "replicas", "peak_bytes"}) {
      CHECK(told[no][key].is_null());
    }
  }
  CHECK(told[0]["reason"] ==
        "1 strategy, " + to_string(Strategy{2, 4}) + ": needs 90.00 GB of 75.20 GB");
  CHECK(told[1]["reason"] == "heads do not split");
  CHECK(told[1]["training"]["tensor_parallel"] == 8);
  CHECK(told[1]["training"]["pipeline_parallel"] == 1);
  CHECK(told[2]["training"]["zero"] == 3);
  CHECK(told[2]["training"]["weight_gradients"] == "bf16");
  CHECK(told[2]["feasible"] == true);
  CHECK(told[2]["tokens_per_s"] == 200);
  CHECK(told[2]["strategy"]["ulysses"] == 2);
  CHECK(told[2]["peak_bytes"] == 40000000000);
  CHECK(told[2]["reason"].is_null());
}

TEST_CASE("all ways are listed, best first, with what each came to") {
  const std::vector<Attempt> attempts{attempt(0, 1, 0), impossible(), attempt(1, 1, 100),
                                      attempt(3, 1, 200)};
  const std::string text = trainings_report(attempts, false);
  const std::size_t best = text.find("ZeRO 3, selective checkpointing ");
  const std::size_t next = text.find("ZeRO 1, selective checkpointing ");
  const std::size_t large =
      text.find("strategy, " + to_string(Strategy{2, 4}) + ": needs 90.00 GB of 75.20 GB");
  const std::size_t refused = text.find("heads do not split");
  REQUIRE(refused != std::string::npos);
  REQUIRE(large != std::string::npos);
  CHECK(best < next);
  CHECK(next < large);
  CHECK(large < refused);
}
