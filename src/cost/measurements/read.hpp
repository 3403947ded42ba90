#pragma once

#include <string>

#include "cost/measurements/data.hpp"

/// Readers of measurements. Each adds the rows of one file to `data`; errors name file and line,
/// and nothing of a file with an error is meant to be used.
namespace hsap::fit {

/// A table with the columns pattern, bytes and us: rounds of equal messages, all begun at once,
/// and how long each took. A pattern is "0>8 8>0" or [[0,8],[8,0]], in GPUs of the cluster.
[[nodiscard]] Status read_transfers(const std::string& path, Data& data);

/// Pairs of a pattern. Errors: no pair, a message to itself, more than max_transfers.
[[nodiscard]] Result<std::vector<Transfer>> parse_pattern(const std::string& text);

/// A table with the columns q_len, kv_len, heads, head_dim, mask (causal or full) and us: attention
/// kernels alone on a GPU. A column pass says forward or backward, forward where it is missing.
/// With a column document the queries are packed documents of so many each, and keys likewise.
[[nodiscard]] Status read_kernels(const std::string& path, Data& data);

/// A table with the columns kernel, bytes (read and written) and us: kernels that move rows.
[[nodiscard]] Status read_copies(const std::string& path, Data& data);

/// What a program of nccl-tests printed, or wrote with -J. Rows of sendrecv are rounds in which
/// every rank sends to the next one. Hosts are nodes of the cluster, with their devices as GPUs. Of
/// other tests the file is named in Data::unused.
[[nodiscard]] Status read_nccl(const std::string& path, int gpus_per_node, Data& data);

/// Times and messages that these readers take.
inline constexpr double min_microseconds = 1e-3;
inline constexpr double max_microseconds = 1e12;
inline constexpr double max_message_bytes = 1e15;

}  // namespace hsap::fit
