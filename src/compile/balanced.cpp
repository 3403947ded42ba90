#include <algorithm>
#include <cmath>
#include <set>

#include "compile/layout.hpp"

namespace hsap {
namespace {

/// Mask area that a piece may miss or exceed its level by: smaller pieces are not worth the keys
/// that they would have to see.
constexpr double tolerance = 1.0 / 32;

struct Document {
  Token begin = 0;
  Token length = 0;
  double area = 0;
  std::vector<Share> shares;

  /// Area per token. A zigzag share of a causal document has it exactly.
  [[nodiscard]] double density() const { return area / length; }
};

std::vector<Document> documents_of(const Problem& problem) {
  std::vector<Document> documents;
  documents.reserve(problem.batch.documents());
  Token begin = 0;
  for (const Token length : problem.batch.lengths) {
    documents.push_back({begin, length, 0, {}});
    begin += length;
  }
  std::size_t at = 0;
  for (const Slice& slice : lower(problem.balanced_by.value_or(problem.mask), problem.batch)) {
    while (slice.query.begin >= documents[at].begin + documents[at].length) ++at;
    documents[at].area += static_cast<double>(area(slice));
  }
  return documents;
}

/// What the shards hold so far. Shards that are full leave both orders.
class Shards {
 public:
  Shards(Token tokens, int count)
      : free_(static_cast<std::size_t>(count)), used_(free_.size()), area_(free_.size()) {
    for (int c = 0; c < count; ++c) {
      free_[static_cast<std::size_t>(c)] = equal_part(tokens, count, c);
      enlist(c);
    }
  }

  [[nodiscard]] int count() const { return static_cast<int>(free_.size()); }
  [[nodiscard]] Token free(int shard) const { return free_[static_cast<std::size_t>(shard)]; }
  [[nodiscard]] Token used(int shard) const { return used_[static_cast<std::size_t>(shard)]; }
  [[nodiscard]] double area(int shard) const { return area_[static_cast<std::size_t>(shard)]; }
  [[nodiscard]] int least_area() const { return by_area_.begin()->second; }
  [[nodiscard]] int most_free() const { return by_free_.begin()->second; }
  /// At most `wanted` shards that are not full, least area first.
  [[nodiscard]] std::vector<int> least_areas(int wanted) const {
    std::vector<int> shards;
    for (const auto& [area, shard] : by_area_) {
      if (static_cast<int>(shards.size()) == wanted) break;
      shards.push_back(shard);
    }
    return shards;
  }

  void give(Document& document, int shard, Token tokens) {
    if (tokens <= 0) return;
    by_area_.erase({area(shard), shard});
    by_free_.erase({-free(shard), shard});
    free_[static_cast<std::size_t>(shard)] -= tokens;
    used_[static_cast<std::size_t>(shard)] += tokens;
    area_[static_cast<std::size_t>(shard)] += document.density() * tokens;
    enlist(shard);
    document.shares.push_back({shard, tokens});
  }

 private:
  void enlist(int shard) {
    if (free(shard) == 0) return;
    by_area_.insert({area(shard), shard});
    by_free_.insert({-free(shard), shard});
  }

  std::vector<Token> free_;
  std::vector<Token> used_;
  std::vector<double> area_;
  std::set<std::pair<double, int>> by_area_;
  std::set<std::pair<Token, int>> by_free_;
};

Token shared_out(const Document& document) {
  Token tokens = 0;
  for (const Share& share : document.shares) tokens += share.tokens;
  return tokens;
}

/// Places a document whole where the least area is, else where the most room is; cuts it only
/// when no shard has room for all of it.
void place(Document& document, Shards& shards) {
  Token left = document.length - shared_out(document);
  while (left > 0) {
    const int lightest = shards.least_area();
    const int shard = shards.free(lightest) >= left ? lightest : shards.most_free();
    const Token tokens = std::min(left, shards.free(shard));
    shards.give(document, shard, tokens);
    left -= tokens;
  }
}

/// How the documents of a batch are to be treated.
struct Plan {
  std::vector<Document*> heavy;  ///< so many pairs that every shard has to take part of them
  std::vector<Document*> large;  ///< too long for a shard that also takes its part of the heavy
  std::vector<Document*> light;  ///< the rest, which can stay whole
  double room = 0;               ///< tokens of a shard that the heavy leave free
  double light_density = 0;
  double level = 0;  ///< area of a shard above light_density, when all have the same
};

double tokens_of(std::span<Document* const> documents) {
  double tokens = 0;
  for (const Document* document : documents) tokens += document->length;
  return tokens;
}

double area_of(std::span<Document* const> documents) {
  double sum = 0;
  for (const Document* document : documents) sum += document->area;
  return sum;
}

/// `documents`: by falling length.
Plan plan_for(std::span<Document* const> documents, int shards) {
  const double capacity = tokens_of(documents) / shards;
  const double limit = area_of(documents) / shards * (1 + tolerance);
  Plan plan;
  std::vector<Document*> others;
  for (Document* document : documents) {
    // More than one shard's share, and a shard full of it would have more than its share.
    const bool heavy = document->area > limit && document->density() * capacity > limit;
    (heavy ? plan.heavy : others).push_back(document);
  }
  plan.room = capacity - tokens_of(plan.heavy) / shards;
  for (Document* document : others) {
    (document->length > plan.room ? plan.large : plan.light).push_back(document);
  }
  if (!plan.light.empty()) plan.light_density = area_of(plan.light) / tokens_of(plan.light);
  for (const auto* list : {&plan.heavy, &plan.large}) {
    plan.level += (area_of(*list) - tokens_of(*list) * plan.light_density) / shards;
  }
  return plan;
}

/// Cuts a large document into as few equal pieces as go into the room of a shard and gives them
/// to the shards with the least area.
void divide(Document& document, const Plan& plan, Shards& shards) {
  const double pieces = std::ceil(document.length / plan.room);
  const int count = static_cast<int>(std::min<double>(pieces, shards.count()));
  const std::vector<int> takers = shards.least_areas(count);
  for (int i = 0; i < static_cast<int>(takers.size()); ++i) {
    const int shard = takers[static_cast<std::size_t>(i)];
    const auto room = static_cast<Token>(std::ceil(plan.room)) - shards.used(shard);
    const Token piece = equal_part(document.length, count, i);
    shards.give(document, shard, std::min({piece, room, shards.free(shard)}));
  }
}

/// Fills shard after shard with the heavy documents up to the level, so that each shard sees few
/// of them (McNaughton's wrap-around rule).
void spread(const Plan& plan, Shards& shards) {
  const double slack = plan.level * tolerance;
  int shard = 0;
  for (Document* document : plan.heavy) {
    const double excess = document->density() - plan.light_density;
    Token left = document->length;
    while (left > 0 && shard < shards.count()) {
      const double below =
          plan.level - (shards.area(shard) - plan.light_density * shards.used(shard));
      const bool takes_all = excess <= 0 || left * excess <= below + slack;
      const Token wanted = takes_all ? left : static_cast<Token>(std::ceil(below / excess));
      const Token tokens = std::clamp(wanted, 0, std::min(left, shards.free(shard)));
      shards.give(*document, shard, tokens);
      left -= tokens;
      if (below - tokens * excess <= slack || shards.free(shard) == 0) ++shard;
    }
  }
}

std::vector<Intervals> deal(std::vector<Document>& documents, int shards) {
  std::vector<Intervals> out(static_cast<std::size_t>(shards));
  for (Document& document : documents) {
    std::sort(document.shares.begin(), document.shares.end(),
              [](const Share& a, const Share& b) { return a.shard < b.shard; });
    deal_zigzag(document.begin, document.shares, out);
  }
  return out;
}

}  // namespace

std::vector<Intervals> balanced_shards(const Problem& problem, int shards) {
  std::vector<Document> documents = documents_of(problem);
  std::vector<Document*> by_length;
  by_length.reserve(documents.size());
  for (Document& document : documents) by_length.push_back(&document);
  std::stable_sort(by_length.begin(), by_length.end(),
                   [](const Document* a, const Document* b) { return a->length > b->length; });
  const Plan plan = plan_for(by_length, shards);
  Shards loads(problem.batch.tokens(), shards);
  for (Document* document : plan.large) divide(*document, plan, loads);
  spread(plan, loads);
  for (Document* document : by_length) place(*document, loads);
  return deal(documents, shards);
}

}  // namespace hsap
