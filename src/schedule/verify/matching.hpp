#pragma once

#include <vector>

#include "schedule/verify/subject.hpp"

namespace hsap::verifier {

/// Who meets whom: the order between ranks.
struct Matching {
  std::vector<Index> owner;       ///< by transfer: its exchange, or none
  std::vector<Index> partner;     ///< by transfer: its other end, or none
  std::vector<Index> meeting_of;  ///< by operation: the meeting of a collective, or none
  std::vector<Range> meetings;    ///< into members
  std::vector<Index> members;     ///< operations of a meeting, by rank
};

/// Pairs the k-th send from a to b on a stream with the k-th receive on b from a.
[[nodiscard]] Found match_transfers(const Subject& subject, Matching& matching);

/// Brings the k-th collectives of equal groups on a stream together.
[[nodiscard]] Found match_collectives(const Subject& subject, Matching& matching);

}  // namespace hsap::verifier
