#include "hsap/strategy.hpp"

#include <catch2/catch.hpp>

using namespace hsap;

TEST_CASE("names read back as they print") {
  for (const Dtype dtype : {Dtype::bf16, Dtype::fp32}) {
    CHECK(*parse_dtype(std::string(to_string(dtype))) == dtype);
  }
  for (const Order order : {Order::ulysses_inner, Order::context_inner}) {
    CHECK(*parse_order(std::string(to_string(order))) == order);
  }
  for (const Layout layout : {Layout::contiguous, Layout::zigzag, Layout::striped,
                              Layout::per_document_zigzag, Layout::balanced}) {
    CHECK(*parse_layout(std::string(to_string(layout))) == layout);
  }
  for (const Exchange exchange : {Exchange::ring, Exchange::double_ring, Exchange::all_gather,
                                  Exchange::p2p, Exchange::hierarchical}) {
    CHECK(*parse_exchange(std::string(to_string(exchange))) == exchange);
  }
}

TEST_CASE("names of variants read back as they print") {
  for (const Moves moves : {Moves::keys, Moves::queries, Moves::fewest}) {
    CHECK(*parse_moves(std::string(to_string(moves))) == moves);
  }
  for (const TransferOrder order :
       {TransferOrder::nearest, TransferOrder::most_work, TransferOrder::nic_balanced}) {
    CHECK(*parse_transfer_order(std::string(to_string(order))) == order);
  }
  for (const KvGroups groups : {KvGroups::fused, KvGroups::split}) {
    CHECK(*parse_kv_groups(std::string(to_string(groups))) == groups);
  }
  for (const GradientReturn when : {GradientReturn::at_once, GradientReturn::batched}) {
    CHECK(*parse_gradient_return(std::string(to_string(when))) == when);
  }
}

TEST_CASE("names are those of the contract") {
  CHECK(to_string(Order::ulysses_inner) == "ulysses-inner");
  CHECK(to_string(Layout::per_document_zigzag) == "per_document_zigzag");
  CHECK(to_string(Exchange::all_gather) == "all_gather");
  CHECK(to_string(Pass::backward) == "backward");
}

TEST_CASE("an unknown name is answered with the known ones") {
  CHECK(parse_dtype("fp8").error().text() ==
        "unknown dtype; found 'fp8', expected 'bf16' or 'fp32'");
  CHECK(parse_order("").error().expected == "'ulysses-inner' or 'context-inner'");
  CHECK(parse_layout("Zigzag").error().found == "'Zigzag'");
  CHECK(parse_exchange("allgather").error().expected.find("'all_gather'") != std::string::npos);
}

TEST_CASE("a strategy prints what makes a difference") {
  Strategy strategy{8, 4, Order::ulysses_inner, Layout::balanced, Exchange::p2p};
  CHECK(to_string(strategy) == "U8 C4 ulysses-inner balanced p2p");
  strategy.stages = 2;
  strategy.gradient_dtype = Dtype::bf16;
  CHECK(to_string(strategy) == "U8 C4 ulysses-inner balanced p2p x2 bf16-gradients");
  strategy.ulysses = 1;
  CHECK(to_string(strategy) == "U1 C4 balanced p2p x2 bf16-gradients");
  strategy.context_parallel = 1;
  CHECK(to_string(strategy) == "U1 C1");
  strategy = {8, 4, Order::ulysses_inner, Layout::balanced, Exchange::p2p};
  CHECK(strategy.ranks() == 32);
  strategy.moves = Moves::fewest;
  strategy.transfer_order = TransferOrder::nic_balanced;
  strategy.inner_degree = 2;
  strategy.kv_groups = KvGroups::split;
  strategy.gradient_return = GradientReturn::batched;
  CHECK(to_string(strategy) ==
        "U8 C4 ulysses-inner balanced p2p/2 move-fewest nic_balanced split-kv batched-gradients");
}
