#include "cli/strategies.hpp"

#include <catch2/catch.hpp>

using namespace hsap;
using namespace hsap::cli;

namespace {

StrategyOptions mesh(const std::string& ulysses, const std::string& context) {
  StrategyOptions options;
  options.ulysses = ulysses;
  options.context_parallel = context;
  return options;
}

/// "UxC" of every strategy in order.
std::string meshes(const Result<std::vector<Strategy>>& strategies) {
  REQUIRE(strategies);
  std::string text;
  for (const Strategy& s : *strategies) {
    text += std::to_string(s.ulysses) + "x" + std::to_string(s.context_parallel) + " ";
  }
  return text;
}

}  // namespace

TEST_CASE("a degree that is left out follows from the GPU count") {
  CHECK(meshes(read_strategies(mesh("", ""), {32, 8})) == "1x32 ");
  CHECK(meshes(read_strategies(mesh("8", ""), {32, 8})) == "8x4 ");
  CHECK(meshes(read_strategies(mesh("", "2"), {32, 8})) == "16x2 ");
  // T = 2 GPUs are one rank.
  CHECK(meshes(read_strategies(mesh("4", ""), {32, 8, 2})) == "4x4 ");
  // Both given need not use every GPU: the rest holds replicas.
  CHECK(meshes(read_strategies(mesh("4", "2"), {32, 8})) == "4x2 ");
}

TEST_CASE("'all' means every divisor, and a sweep leaves out products that do not divide") {
  CHECK(meshes(read_strategies(mesh("all", ""), {12, 8})) == "1x12 2x6 3x4 4x3 6x2 12x1 ");
  CHECK(meshes(read_strategies(mesh("2,4", "1,2,4"), {8, 8})) == "2x1 2x2 2x4 4x1 4x2 ");
}

TEST_CASE("a sweep is the product of its lists, Ulysses slowest") {
  StrategyOptions options = mesh("1,2", "");
  options.exchange = "ring,p2p";
  options.layout = "balanced";
  const auto strategies = read_strategies(options, {4, 8});
  REQUIRE(strategies);
  REQUIRE(strategies->size() == 4);
  CHECK(to_string((*strategies)[0]) == "U1 C4 balanced ring");
  CHECK(to_string((*strategies)[1]) == "U1 C4 balanced p2p");
  CHECK(to_string((*strategies)[2]) == "U2 C2 ulysses-inner balanced ring");
  CHECK(to_string((*strategies)[3]) == "U2 C2 ulysses-inner balanced p2p");
}

TEST_CASE("an inner degree left out is that of the nodes, where it has a meaning") {
  StrategyOptions options = mesh("4", "8");
  options.exchange = "ring,double_ring,hierarchical";
  const auto strategies = read_strategies(options, {32, 8});
  REQUIRE(strategies);
  REQUIRE(strategies->size() == 3);
  CHECK((*strategies)[0].inner_degree == 0);
  CHECK(to_string((*strategies)[1]) == "U4 C8 ulysses-inner zigzag double_ring/2");
  CHECK((*strategies)[2].inner_degree == 2);
  options.inner_degree = "4";
  CHECK(read_strategies(options, {32, 8})->back().inner_degree == 4);
}

TEST_CASE("choices without a meaning do not multiply a sweep") {
  StrategyOptions options = mesh("1", "");
  options.exchange = "ring,p2p";
  options.moves = "all";
  options.gradient_return = "all";
  CHECK(read_strategies(options, {4, 8})->size() == 1 + 3 * 2);
}

TEST_CASE("what makes a sweep") {
  CHECK_FALSE(is_sweep(mesh("8", "")));
  CHECK(is_sweep(mesh("all", "")));
  CHECK(is_sweep(mesh("", "1,2")));
  StrategyOptions options;
  options.layout = "zigzag,striped";
  CHECK(is_sweep(options));
}

TEST_CASE("errors name the flag, what was found and what was expected") {
  const auto text = [](const StrategyOptions& options, const Gpus& gpus) {
    const auto result = read_strategies(options, gpus);
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == ErrorKind::bad_input);
    return result.error().text();
  };
  CHECK(text(mesh("3", ""), {8, 8}) ==
        "--ulysses: the degree does not divide the GPU count; found '3', expected a divisor of 8 "
        "GPUs");
  CHECK(text(mesh("", "16"), {8, 8}) ==
        "--context-parallel: the degree does not divide the GPU count; found '16', expected a "
        "divisor of 8 GPUs");
  CHECK(text(mesh("4", "4"), {8, 8}) ==
        "--ulysses x --context-parallel does not divide the GPU count; found 4 x 4, expected a "
        "divisor of 8 GPUs");
  CHECK(text(mesh("8", ""), {8, 8, 2}) ==
        "--ulysses: the degree does not divide the ranks that --tensor-parallel leaves; found '8', "
        "expected a divisor of 4, as 8 GPUs are ranks of 2");
  CHECK(text(mesh("4", "2"), {8, 8, 2}) ==
        "--ulysses x --context-parallel does not divide the ranks that --tensor-parallel leaves; "
        "found 4 x 2, expected a divisor of 4, as 8 GPUs are ranks of 2");
  CHECK(text(mesh("0", ""), {8, 8}).find("--ulysses: degree out of range; found '0'") == 0);
  CHECK(text(mesh("1,,2", ""), {8, 8}).find("--ulysses: bad degree; found ''") == 0);
  StrategyOptions options;
  options.exchange = "rings";
  CHECK(text(options, {8, 8}) ==
        "--exchange: unknown exchange; found 'rings', expected 'ring', 'double_ring', "
        "'all_gather', 'p2p' or 'hierarchical'");
}
