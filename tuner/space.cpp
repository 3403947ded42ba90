#include "tuner/space.hpp"

#include "hsap/compile.hpp"

namespace hsap {
namespace {

constexpr Order orders[] = {Order::ulysses_inner, Order::context_inner};
// The likely winners first: equal times are decided by this order.
constexpr Exchange exchanges[] = {Exchange::p2p, Exchange::all_gather, Exchange::ring,
                                  Exchange::double_ring, Exchange::hierarchical};
constexpr Layout layouts[] = {Layout::balanced, Layout::per_document_zigzag, Layout::zigzag,
                              Layout::striped, Layout::contiguous};
constexpr int stage_variants[] = {0, 1, 2, 4};

/// Collects the points of one group size.
class Space {
 public:
  Space(const Problem& problem, int replicas, int node_ranks, const TuneOptions& options,
        std::vector<Candidate>& out)
      : problem_(problem),
        replicas_(replicas),
        node_ranks_(node_ranks),
        options_(options),
        out_(out) {}

  void add_mesh(int ulysses, int context) {
    Strategy strategy;
    strategy.ulysses = ulysses;
    strategy.context_parallel = context;
    if (context == 1) {
      strategy.layout = Layout::contiguous;
      add(strategy);
      return;
    }
    for (const Order order : orders) {
      if (order == Order::context_inner && ulysses == 1) continue;
      strategy.order = order;
      add_exchanges(strategy);
    }
  }

 private:
  void add_exchanges(Strategy strategy) {
    const int near = near_shards(strategy, node_ranks_);
    const bool has_levels = near > 1 && near < strategy.context_parallel;
    for (const Exchange exchange : exchanges) {
      const bool by_node = exchange == Exchange::double_ring || exchange == Exchange::hierarchical;
      if (by_node && !has_levels) continue;
      strategy.inner_degree = by_node ? near : 0;
      for (const Layout layout : layouts) {
        strategy.exchange = exchange;
        strategy.layout = layout;
        add_stages(strategy);
      }
    }
  }

  /// The natural number of stages, and others where the exchange has a choice.
  void add_stages(Strategy strategy) {
    strategy.stages = 0;
    add_gradients(strategy);
    if (illegal(problem_, strategy)) return;  // said once
    if (strategy.exchange == Exchange::p2p) add_variants(strategy);
    const bool free =
        strategy.exchange != Exchange::ring && strategy.exchange != Exchange::double_ring;
    const int natural = resolve(strategy).stages;
    for (const int stages : stage_variants) {
      if (!free || stages == 0 || stages == natural) continue;
      strategy.stages = stages;
      if (!illegal(problem_, strategy)) add_gradients(strategy);
    }
  }

  /// What else p2p may do.
  void add_variants(const Strategy& plain) {
    const int near = near_shards(plain, node_ranks_);
    for (const TransferOrder order :
         {TransferOrder::nearest, TransferOrder::most_work, TransferOrder::nic_balanced}) {
      const bool by_node = order == TransferOrder::nic_balanced;
      if (by_node && (near == 1 || near == plain.context_parallel)) continue;
      for (const GradientReturn when : {GradientReturn::at_once, GradientReturn::batched}) {
        Strategy variant = plain;
        variant.transfer_order = order;
        variant.gradient_return = when;
        variant.inner_degree = by_node ? near : 0;
        if (!(variant == plain)) add_gradients(variant);
      }
    }
    Strategy variant = plain;
    variant.kv_groups = KvGroups::split;
    add_gradients(variant);
    variant = plain;
    variant.moves = Moves::fewest;
    add_gradients(variant);
  }

  void add_gradients(Strategy strategy) {
    add(strategy);
    if (!options_.bf16_gradients) return;
    strategy.gradient_dtype = Dtype::bf16;
    add(strategy);
  }

  void add(const Strategy& strategy) {
    Candidate candidate;
    candidate.strategy = strategy;
    candidate.replicas = replicas_;
    if (auto reason = illegal(problem_, strategy)) {
      candidate.reason = *std::move(reason);
    } else {
      if (options_.unwanted) candidate.reason = options_.unwanted(strategy, replicas_);
      candidate.outcome = candidate.reason.empty() ? Outcome::feasible : Outcome::unwanted;
    }
    out_.push_back(std::move(candidate));
  }

  const Problem& problem_;
  int replicas_;
  int node_ranks_;
  const TuneOptions& options_;
  std::vector<Candidate>& out_;
};

}  // namespace

std::vector<Candidate> search_space(const Problem& problem, int groups, int node_ranks,
                                    const TuneOptions& options) {
  std::vector<Candidate> out;
  for (int ranks = 1; ranks <= groups; ++ranks) {
    if (groups % ranks != 0) continue;
    Space space(problem, groups / ranks, node_ranks, options, out);
    for (int ulysses = ranks; ulysses >= 1; --ulysses) {
      if (ranks % ulysses == 0) space.add_mesh(ulysses, ranks / ulysses);
    }
  }
  return out;
}

}  // namespace hsap
