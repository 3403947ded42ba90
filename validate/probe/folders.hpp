#pragma once

#include <span>
#include <string>
#include <vector>

#include "validate/probe/probe.hpp"

/// A probe as a folder of NumPy arrays. docs/proof.md says what lies where.
namespace hsap {

/// "perturbed-3".
[[nodiscard]] std::string replaced_folder(int document);
inline constexpr const char* base_folder = "base";
inline constexpr const char* permuted_folder = "permuted";

/// Writes a folder of inputs for every run, and probe.json last, so that a folder without it is
/// unfinished. Errors: the folder holds something and not `force`; it cannot be written.
[[nodiscard]] Status write_probe(const std::string& directory, const Probe& probe, bool force);

/// Reads probe.json.
[[nodiscard]] Result<Probe> read_probe(const std::string& directory);

/// Reads the outputs that a user's attention wrote beside the inputs of a run: the given roles.
/// Errors: a file is missing, no array, or of another shape.
[[nodiscard]] Result<Tensors> read_answers(const std::string& directory, const std::string& folder,
                                           const Probe& probe, std::span<const Role> roles);

/// Which of o, lse, dq, dk and dv the base run has. o always counts.
[[nodiscard]] std::vector<Role> answered(const std::string& directory);

}  // namespace hsap
