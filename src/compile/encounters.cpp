#include "compile/encounters.hpp"

#include <algorithm>

namespace hsap {
namespace {

/// Running maxima of ends. They only grow, so that a binary search finds the first item that
/// can reach past a token although items may overlap.
template <typename Items, typename End>
std::vector<Token> running_ends(const Items& items, End end_of) {
  std::vector<Token> ends;
  ends.reserve(items.size());
  Token furthest = 0;
  for (const auto& item : items) {
    furthest = std::max(furthest, end_of(item));
    ends.push_back(furthest);
  }
  return ends;
}

/// The keys of a slice that queries inside `query` can see at all, as a dense interval.
Interval reach(const Slice& slice, const Interval& query) {
  const bool bounded_left =
      slice.kind == SliceKind::inverse_causal || slice.kind == SliceKind::bi_causal;
  const bool bounded_right = slice.kind == SliceKind::causal || slice.kind == SliceKind::bi_causal;
  const Token skipped = std::max<Token>(0, query.begin - slice.query.begin);
  const Token left_over = std::max<Token>(0, slice.query.end - query.end);
  return {slice.key.begin + (bounded_left ? skipped : 0),
          slice.key.end - (bounded_right ? left_over : 0), 1};
}

/// Index of the first item that reaches past `token`.
std::size_t first_past(const std::vector<Token>& ends, Token token) {
  return static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), token) - ends.begin());
}

}  // namespace

Encounters::Encounters(std::vector<Slice> mask, std::span<const Intervals> shards)
    : mask_(std::move(mask)), shards_(shards) {
  for (std::size_t shard = 0; shard < shards.size(); ++shard) {
    for (const Interval& tokens : shards[shard]) {
      keys_.push_back({tokens, static_cast<int>(shard)});
    }
  }
  std::sort(keys_.begin(), keys_.end(),
            [](const Owned& a, const Owned& b) { return a.tokens < b.tokens; });
  mask_end_ = running_ends(mask_, [](const Slice& slice) { return slice.query.end; });
  keys_end_ = running_ends(keys_, [](const Owned& owned) { return owned.tokens.end; });
}

template <typename Use>
void Encounters::for_each_slice(const Interval& query, Use use) const {
  for (std::size_t m = first_past(mask_end_, query.begin); m < mask_.size(); ++m) {
    if (mask_[m].query.begin >= query.end) break;
    use(mask_[m]);
  }
}

void Encounters::find(const Interval& query, std::vector<Found>& out) const {
  std::vector<Slice> pieces;
  for_each_slice(query, [&](const Slice& slice) {
    const Interval seen = reach(slice, query);
    for (std::size_t k = first_past(keys_end_, seen.begin); k < keys_.size(); ++k) {
      if (keys_[k].tokens.begin >= seen.end) break;
      pieces.clear();
      cut(slice, query, keys_[k].tokens, pieces);
      for (const Slice& piece : pieces) out.push_back({keys_[k].shard, piece});
    }
  });
}

std::vector<Slice> Encounters::whole_row(int query_shard) const {
  std::vector<Slice> slices;
  for (const Interval& query : shards_[static_cast<std::size_t>(query_shard)]) {
    for_each_slice(query, [&](const Slice& slice) { cut(slice, query, slice.key, slices); });
  }
  return slices;
}

Encounters::Row Encounters::row(int query_shard) const {
  std::vector<Found> found;
  for (const Interval& query : shards_[static_cast<std::size_t>(query_shard)]) find(query, found);
  Row row;
  row.first.assign(shards_.size() + 1, 0);
  for (const Found& item : found) ++row.first[static_cast<std::size_t>(item.key_shard) + 1];
  for (std::size_t c = 1; c < row.first.size(); ++c) row.first[c] += row.first[c - 1];
  std::vector<Index> next(row.first.begin(), row.first.end() - 1);
  row.slices.resize(found.size());
  for (const Found& item : found) {
    row.slices[next[static_cast<std::size_t>(item.key_shard)]++] = item.slice;
  }
  return row;
}

std::span<const Slice> Encounters::Row::with(int key_shard) const {
  const auto c = static_cast<std::size_t>(key_shard);
  return std::span(slices).subspan(first[c], first[c + 1] - first[c]);
}

void unite(Intervals& list, Token stride) {
  const auto by_begin = [](const Interval& a, const Interval& b) { return a.begin < b.begin; };
  if (!std::is_sorted(list.begin(), list.end(), by_begin)) {
    std::sort(list.begin(), list.end(), by_begin);
  }
  Intervals joined;
  for (const Interval& interval : list) {
    if (interval.empty()) continue;
    const bool touches = !joined.empty() && interval.begin <= joined.back().end - 1 + stride;
    if (touches) {
      Interval& last = joined.back();
      last = make_interval(last.begin, std::max(last.end, interval.end), stride);
    } else {
      joined.push_back(interval);
    }
  }
  list = std::move(joined);
}

}  // namespace hsap
