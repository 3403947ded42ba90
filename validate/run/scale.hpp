#pragma once

#include "hsap/batch.hpp"

namespace hsap::validation {

/// The batch with its documents shrunk in proportion so that all have `tokens` tokens together (or
/// as near as one token a document allows). A batch that is no longer stays as it is.
[[nodiscard]] Batch shrink(const Batch& batch, Token tokens);

}  // namespace hsap::validation
