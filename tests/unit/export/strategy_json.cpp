#include "export/json/strategy.hpp"

#include <catch2/catch.hpp>

#include "export/json/text.hpp"

using namespace hsap;

namespace {

/// The strategy, or the text of the error.
Result<Strategy> parse(const std::string& text, int ranks = 0) {
  HSAP_TRY(const json::Value value, json::parse(text, "s.json"));
  json::Object object(value, "s.json");
  const Strategy strategy = read_strategy(object, ranks);
  HSAP_CHECK(object.finish());
  return strategy;
}

}  // namespace

TEST_CASE("a strategy survives being written and read") {
  for (int layout = 0; layout < 5; ++layout) {
    for (int exchange = 0; exchange < 5; ++exchange) {
      Strategy strategy;
      strategy.ulysses = 2 + layout;
      strategy.context_parallel = 3 + exchange;
      strategy.order = layout % 2 == 0 ? Order::ulysses_inner : Order::context_inner;
      strategy.layout = static_cast<Layout>(layout);
      strategy.exchange = static_cast<Exchange>(exchange);
      strategy.stages = exchange;
      strategy.inner_degree = layout;
      strategy.moves = static_cast<Moves>(exchange % 3);
      strategy.transfer_order = static_cast<TransferOrder>(layout % 3);
      strategy.kv_groups = static_cast<KvGroups>(layout % 2);
      strategy.gradient_return = static_cast<GradientReturn>(exchange % 2);
      strategy.gradient_dtype = exchange % 2 == 0 ? Dtype::bf16 : Dtype::fp32;
      CHECK(*parse(json_text(to_json(strategy))) == strategy);
    }
  }
}

TEST_CASE("the degree that is left out follows from the rank count") {
  CHECK(*parse(R"({})", 8) == Strategy{1, 8});
  CHECK(*parse(R"({"ulysses": 2})", 8) == Strategy{2, 4});
  CHECK(*parse(R"({"context_parallel": 2})", 8) == Strategy{4, 2});
  CHECK(*parse(R"({"ulysses": 4, "context_parallel": 2})", 8) == Strategy{4, 2});
  CHECK(*parse(R"({"ulysses": 4})") == Strategy{4, 1});
}

TEST_CASE("strategy errors say where, what was found and what was expected") {
  struct Case {
    const char* text;
    int ranks;
    const char* error;
  };
  const Case cases[] = {
      {R"({"ulysses": 3})", 8,
       "s.json: /ulysses: the degrees do not multiply to the 8 ranks of the group; found 3 x 2, "
       "expected ulysses x context_parallel = 8"},
      {R"({"context_parallel": 5})", 8,
       "s.json: /context_parallel: the degrees do not multiply to the 8 ranks of the group; found "
       "1 x 5, expected ulysses x context_parallel = 8"},
      {R"({"ulysses": 0})", 0,
       "s.json: /ulysses: out of range; found 0, expected an integer from 1 to 1048576"},
      {R"({"ulysses": 1152921504606846976})", 0,
       "s.json: /ulysses: out of range; found 1152921504606846976, expected an integer from 1 to "
       "1048576"},
      {R"({"order": 1})", 0, "s.json: /order: wrong type; found 1, expected a text"},
      {R"({"layout": "zigzg"})", 0,
       "s.json: /layout: unknown layout; found 'zigzg', expected 'contiguous', 'zigzag', "
       "'striped', 'per_document_zigzag' or 'balanced'"},
      {R"({"exchnge": "p2p"})", 0,
       "s.json: /exchnge: unknown key; found 'exchnge', expected 'exchange'"},
  };
  for (const Case& each : cases) {
    const Result<Strategy> strategy = parse(each.text, each.ranks);
    INFO(each.text);
    REQUIRE_FALSE(strategy.ok());
    CHECK(strategy.error().text() == each.error);
  }
}
