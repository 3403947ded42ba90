#include <algorithm>
#include <string>

#include "hsap/kernels.hpp"

namespace hsap::kernels {

Result<std::vector<Segment>> match_rows(std::span<const std::span<const Interval>> lists) {
  constexpr std::size_t most = std::size(Segment{}.parts);
  if (lists.empty() || lists.size() > most) {
    return bad_input("rows of at most 3 tensors can be matched", std::to_string(lists.size()));
  }
  const std::int64_t total = tokens_in(lists.front());
  for (const std::span<const Interval>& list : lists) {
    if (tokens_in(list) == total) continue;
    return bad_input("lists of rows to match differ in length", std::to_string(tokens_in(list)),
                     std::to_string(total));
  }
  std::vector<Segment> segments;
  std::size_t interval[most] = {};  // of each list, and the rows of it that are matched
  Token used[most] = {};
  for (std::int64_t row = 0; row < total;) {
    Segment segment;
    segment.first = static_cast<std::int32_t>(row);
    Token rows = static_cast<Token>(total - row);
    for (std::size_t i = 0; i < lists.size(); ++i) {
      while (used[i] == lists[i][interval[i]].size()) {
        ++interval[i];
        used[i] = 0;
      }
      const Interval& at = lists[i][interval[i]];
      segment.parts[i] = {at.at(used[i]), at.stride, 0};
      rows = std::min(rows, at.size() - used[i]);
    }
    for (std::size_t i = 0; i < lists.size(); ++i) used[i] += rows;
    row += rows;
    segments.push_back(segment);
  }
  return segments;
}

}  // namespace hsap::kernels
