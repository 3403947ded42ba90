#pragma once

#include <string>

/// Text of strangers, made fit for people: what stands in a file must not steer the user's
/// terminal, nor stop who reads our words.
namespace hsap {

/// UTF-8 without control characters other than ends of lines; "?" stands for each bad byte.
[[nodiscard]] std::string printable(std::string text);

/// printable() without ends of lines: a name that stays in the line where it is written.
[[nodiscard]] std::string one_line(std::string text);

}  // namespace hsap
