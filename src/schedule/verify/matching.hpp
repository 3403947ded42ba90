#pragma once

#include "schedule/meetings.hpp"
#include "schedule/partners.hpp"

namespace hsap::verifier {

/// Who meets whom: the order between ranks.
struct Matching {
  Partners transfers;
  Meetings collectives;
};

}  // namespace hsap::verifier
