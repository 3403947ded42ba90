#include "hsap/tune.hpp"

#include <catch2/catch.hpp>

#include "tuner/memo.hpp"
#include "tuner/search_json.hpp"

using namespace hsap;

namespace {

/// A setting on shipped hardware, with the cluster that it points to.
struct Place {
  Cluster cluster;
  Setting setting;
};

Place place(int nodes) {
  Place out{*Cluster::build(*load_cluster("dgx-h100"), nodes), {}};
  out.setting.runtime = *load_runtime("hsap");
  out.setting.model.heads = {32, 8, 128};
  return out;
}

/// Attention alone unless a model is named.
Search search(const std::vector<Batch>& batches, int nodes, const TuneOptions& options = {},
              const std::string& model = "", const Training& training = {}) {
  Place at = place(nodes);
  at.setting.training = training;
  at.setting.cluster = &at.cluster;
  if (!model.empty()) at.setting.model = *load_model(model);
  Result<Search> result = tune(batches, at.setting, options);
  INFO((result ? "" : result.error().text()));
  REQUIRE(result.ok());
  return *std::move(result);
}

Batch repeated(Token length, int count) {
  return Batch{std::vector<Token>(static_cast<std::size_t>(count), length)};
}

/// What pruning must not change.
void check_same_answer(const Search& pruned, const Search& exhaustive) {
  REQUIRE(pruned.best.has_value());
  CHECK(pruned.best == exhaustive.best);
  CHECK(pruned.runners_up == exhaustive.runners_up);
  CHECK(pruned.pareto == exhaustive.pareto);
  CHECK(pruned.candidates[*pruned.best].seconds == exhaustive.candidates[*exhaustive.best].seconds);
}

}  // namespace

TEST_CASE("short documents are best trained without communication") {
  // 16 documents of 4K: nothing attends across ranks in any good plan.
  const Search found = search({repeated(4096, 16)}, 1);
  REQUIRE(found.best.has_value());
  CHECK_FALSE(found.whole_step);
  CHECK(found.candidates[*found.best].figures->attention.bytes_sent == 0);
}

TEST_CASE("one long document on one NVLink node: Ulysses wins or ties while heads suffice") {
  // The advice of USP, arXiv 2405.07719, for groups of all 8 GPUs.
  TuneOptions options;
  options.exhaustive = true;
  const Search found = search({Batch{{128 << 10}}}, 1, options);
  double best = 0;
  double ulysses = 0;
  for (const Candidate& candidate : found.candidates) {
    if (candidate.outcome != Outcome::feasible || candidate.strategy.ranks() != 8) continue;
    best = std::max(best, candidate.tokens_per_s);
    if (candidate.strategy.ulysses == 8) ulysses = candidate.tokens_per_s;
  }
  REQUIRE(ulysses > 0);
  CHECK(ulysses > 0.95 * best);
}

TEST_CASE("memory decides how small a group may be") {
  // llama3-8b on one GPU alone needs 16 bytes a parameter, far more than 80 GB.
  const Search found = search({repeated(8 << 10, 4)}, 1, {}, "llama3-8b");
  CHECK(found.whole_step);
  CHECK(found.memory_limit_bytes == 75200000000);  // 80 GB less 6 %
  REQUIRE(found.best.has_value());
  int too_large = 0;
  for (const Candidate& candidate : found.candidates) {
    too_large += candidate.outcome == Outcome::out_of_memory ? 1 : 0;
    if (candidate.strategy.ranks() == 1) {
      // 8.03 G parameters x 16 bytes, so that no strategy has to be simulated.
      CHECK(candidate.reason.starts_with("needs at least "));
      CHECK(candidate.peak_bytes > 128000000000);
    }
    if (candidate.outcome == Outcome::feasible) {
      CHECK(candidate.peak_bytes <= found.memory_limit_bytes);
    }
  }
  CHECK(too_large > 0);
}

TEST_CASE("a search over a pipeline finds what an exhaustive one does") {
  Training training;
  training.pipeline_parallel = 2;
  training.virtual_stages = 2;
  training.global_batch = 6;
  const std::vector<Batch> batches{Batch{{32768}}, Batch{{8192, 8192, 16384}}, repeated(4096, 8)};
  TuneOptions options;
  const Search found = search(batches, 1, options, "llama3-8b", training);
  options.exhaustive = true;
  const Search all = search(batches, 1, options, "llama3-8b", training);
  check_same_answer(found, all);
  for (const Candidate& candidate : found.candidates) {
    // Two replicas of a stage's four GPUs take three batches each, not a round of two.
    const int ranks = candidate.strategy.ranks();
    if (ranks == 2) CHECK(candidate.outcome == Outcome::illegal);
    if (ranks == 4 && candidate.figures) CHECK(candidate.sharing.accumulation == 6);
    CHECK(ranks <= 4);
  }
}

TEST_CASE("a search with shared experts finds what an exhaustive one does") {
  Training training;
  training.expert_parallel = 8;
  training.checkpointing = Training::Checkpointing::full;
  training.global_batch = 8;
  const std::vector<Batch> batches{Batch{{16384}}, Batch{{4096, 4096, 8192}}, repeated(2048, 8)};
  TuneOptions options;
  // Half of the layers of the other see a window.
  const std::string model = GENERATE("qwen3-30b-a3b", "gpt-oss-20b");
  const Search found = search(batches, 2, options, model, training);
  options.exhaustive = true;
  const Search all = search(batches, 2, options, model, training);
  check_same_answer(found, all);
  int together = 0;
  for (const Candidate& candidate : all.candidates) {
    if (!candidate.figures) continue;
    CHECK(candidate.sharing.together == std::max(1, 8 / candidate.strategy.ranks()));
    together += candidate.sharing.together > 1 ? 1 : 0;
    CHECK(candidate.seconds == Approx(candidate.figures->step->seconds));
  }
  CHECK(together > 0);
  for (std::size_t i = 0; i < all.candidates.size(); ++i) {
    if (found.candidates[i].outcome != Outcome::pruned) continue;
    CHECK(found.candidates[i].seconds <= all.candidates[i].seconds);
  }
}

TEST_CASE("what other ways to train have simulated makes no difference to a search") {
  const std::vector<Batch> batches{Batch{{32768}}, Batch{{8192, 8192, 16384}}};
  Place at = place(2);
  at.setting.cluster = &at.cluster;
  at.setting.model = *load_model("llama3-8b");
  AttentionMemo memo;
  for (const int zero : {1, 3}) {
    for (const auto policy : {Training::Checkpointing::full, Training::Checkpointing::norms}) {
      for (const int degree : {1, 2}) {
        Training& training = at.setting.training;
        training.zero = zero;
        training.checkpointing = policy;
        training.tensor_parallel = degree;
        training.pipeline_parallel = zero == 3 ? 2 : 1;
        const Search alone = *tune(batches, at.setting, {});
        const Search after = *tune(batches, at.setting, {}, {}, memo);
        CHECK(search_json(alone).dump() == search_json(after).dump());
      }
    }
  }
}

TEST_CASE("nothing is feasible where nothing fits") {
  const Search found = search({Batch{{128 << 10}}}, 1, {}, "llama3-70b");
  CHECK_FALSE(found.best.has_value());
  CHECK(found.runners_up.empty());
  CHECK_FALSE(found.why.empty());
}

TEST_CASE("what is not wanted is never predicted, and the best of the rest wins") {
  TuneOptions options;
  options.unwanted = [](const Strategy& strategy, int) {
    const bool rings = strategy.context_parallel == 1 || strategy.exchange == Exchange::ring;
    return rings ? std::string() : std::string("not a ring");
  };
  const std::vector<Batch> batches{Batch{{1000, 10000, 5384}}};
  const Search all = search(batches, 1, {}, "llama3-8b");
  const Search rings = search(batches, 1, options, "llama3-8b");
  double best = 0;
  for (std::size_t i = 0; i < all.candidates.size(); ++i) {
    const Candidate& candidate = rings.candidates[i];
    const bool wanted = options.unwanted(candidate.strategy, 1).empty();
    if (!wanted) CHECK_FALSE(candidate.figures);
    if (wanted) best = std::max(best, candidate.figures ? candidate.tokens_per_s : 0);
  }
  REQUIRE(rings.best.has_value());
  CHECK(rings.candidates[*rings.best].tokens_per_s == best);
  CHECK(all.candidates[*all.best].tokens_per_s >= best);
}

TEST_CASE("pruning and threads change nothing on real predictions") {
  const std::vector<Batch> batches{repeated(8 << 10, 2), Batch{{1000, 10000, 5384}},
                                   Batch{{16 << 10}}};
  TuneOptions options;
  options.top = 1;
  options.threads = 1;
  const Search one = search(batches, 2, options, "llama3-8b");
  options.threads = 3;
  const Search three = search(batches, 2, options, "llama3-8b");
  CHECK(search_json(one).dump() == search_json(three).dump());
  options.exhaustive = true;
  const Search all = search(batches, 2, options, "llama3-8b");
  check_same_answer(one, all);
  CHECK(one.why == all.why);
  // A pruned candidate shows a limit, the exhaustive search its prediction.
  int pruned = 0;
  for (std::size_t i = 0; i < all.candidates.size(); ++i) {
    if (one.candidates[i].outcome != Outcome::pruned) continue;
    ++pruned;
    CHECK(one.candidates[i].seconds <= all.candidates[i].seconds);
    CHECK(one.candidates[i].tokens_per_s >= all.candidates[i].tokens_per_s);
  }
  CHECK(pruned > 0);
  // Two replicas draw the short documents or the long one, and wait for each other.
  int waiting = 0;
  for (const Candidate& candidate : all.candidates) {
    if (!candidate.figures) continue;
    const auto& [name, seconds] = candidate.figures->step->breakdown.back();
    REQUIRE(name == waiting_for_replicas);
    CHECK((candidate.replicas > 1) == (seconds > 0));
    CHECK(candidate.seconds == Approx(candidate.figures->step->seconds));
    waiting += seconds > 0 ? 1 : 0;
  }
  CHECK(waiting > 0);
}

TEST_CASE("a global batch is shared by as many replicas as divide it") {
  const std::vector<Batch> batches{repeated(8 << 10, 2), Batch{{16 << 10}}};
  TuneOptions options;
  Training training;
  training.global_batch = 6;
  const Search found = search(batches, 2, options, "llama3-8b", training);
  options.exhaustive = true;
  const Search all = search(batches, 2, options, "llama3-8b", training);
  check_same_answer(found, all);
  for (const Candidate& candidate : all.candidates) {
    const bool shared = 6 % candidate.replicas == 0;
    if (!shared) {
      CHECK(candidate.outcome == Outcome::illegal);
    } else {
      CHECK(candidate.sharing.accumulation ==
            (candidate.outcome == Outcome::illegal ? 1 : 6 / candidate.replicas));
    }
    if (!candidate.figures) continue;
    CHECK(candidate.seconds == Approx(candidate.figures->step->seconds));
    CHECK(candidate.tokens_per_s == Approx(6.0 * (16 << 10) / candidate.seconds));
  }
}

TEST_CASE("a search with a loader that looks ahead finds what an exhaustive one does") {
  const std::vector<Batch> batches{Batch{{16384}}, repeated(2048, 8)};
  TuneOptions options;
  Training training;
  training.checkpointing = Training::Checkpointing::full;
  training.zero = 3;
  training.global_batch = 8;
  training.lookahead = 2;
  const Search found = search(batches, 1, options, "llama3-8b", training);
  options.exhaustive = true;
  const Search all = search(batches, 1, options, "llama3-8b", training);
  check_same_answer(found, all);
}

TEST_CASE("questions that cannot be asked are refused") {
  Place at = place(1);
  at.setting.cluster = &at.cluster;
  CHECK(tune({}, at.setting, {}).error().kind == ErrorKind::bad_input);
  at.setting.training.tensor_parallel = 3;
  const std::vector<Batch> batches{Batch{{4096}}};
  CHECK(tune(batches, at.setting, {}).error().kind == ErrorKind::bad_input);
}
