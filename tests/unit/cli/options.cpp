#include "cli/options.hpp"

#include <catch2/catch.hpp>

#include "cli/command.hpp"
#include "cli/program.hpp"

using namespace hsap;
using namespace hsap::cli;

namespace {

/// Runs a program with every group; 0 and the options, or the exit code.
int parse(std::vector<const char*> arguments, Options& options) {
  Command app("test-program", "test");
  add_cluster(app, options.cluster);
  const Flag model = add_model(app, options.model);
  add_batches(app, options.batches);
  add_problem(app, options.problem);
  add_strategy(app, options.strategy);
  add_training(app, model, options.training);
  add_output(app, options.output);
  add_timeline(app, options.output);
  add_threads(app, options.output);
  arguments.insert(arguments.begin(), {"test-program", "--cluster", "dgx-h100"});
  return run_main(app, static_cast<int>(arguments.size()), arguments.data(),
                  [] { return Status(); });
}

}  // namespace

TEST_CASE("flags of the contract reach their fields") {
  Options options;
  const int code = parse(
      {"--model",   "llama3-8b",  "--nodes",         "4",        "--context", "256K",
       "--trace",   "wlb-llm",    "--batches",       "3",        "--seed",    "7",
       "--mask",    "sliding:4K", "--pass",          "forward",  "--dtype",   "fp32",
       "--zero",    "3",          "--checkpointing", "full",     "--set",     "nic.x=1",
       "--set",     "model.y=2",  "--json",          "-",        "--color",   "never",
       "--threads", "2",          "--packing",       "best-fit", "--force",   "--global-batch",
       "64"},
      options);
  CHECK(code == 0);
  CHECK(options.cluster.nodes == 4);
  CHECK(options.batches.context == 262144);
  CHECK(options.batches.batches == 3);
  CHECK(options.batches.seed == 7U);
  CHECK(options.batches.packing == Packing::best_fit);
  CHECK(to_string(options.problem.mask) == "sliding:4096");
  CHECK(options.problem.passes == Passes::forward);
  CHECK(options.problem.dtype == Dtype::fp32);
  CHECK(options.training.zero == 3);
  CHECK(options.training.checkpointing == Training::Checkpointing::full);
  CHECK(options.training.global_batch == 64);
  CHECK(options.cluster.set == std::vector<std::string>{"nic.x=1", "model.y=2"});
  CHECK(options.output.json == "-");
  CHECK(options.output.color == ColorMode::never);
  CHECK(options.output.threads == 2);
  CHECK(options.output.force);
}

TEST_CASE("bad flags end with exit code 2") {
  const auto bad = [](std::vector<const char*> arguments) {
    Options options;
    return parse(std::move(arguments), options);
  };
  CHECK(bad({"--nodes", "-3"}) == 2);
  CHECK(bad({"--nodes", "0"}) == 2);
  CHECK(bad({"--context", "9999G"}) == 2);
  CHECK(bad({"--mask", "casual"}) == 2);
  CHECK(bad({"--ulises", "4"}) == 2);
  CHECK(bad({"stray"}) == 2);
  CHECK(bad({"--zero", "4"}) == 2);
}

TEST_CASE("the kind of an error decides the exit code") {
  CHECK(exit_code(bad_input("x")) == 2);
  CHECK(exit_code(infeasible("x")) == 1);
  CHECK(exit_code(internal_error("x")) == 2);
}
