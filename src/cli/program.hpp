#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

#include "hsap/status.hpp"

namespace hsap::cli {

class Command;

/// The version of hsap ("0.1.0").
[[nodiscard]] std::string_view version();

/// Exit codes of every program.
enum ExitCode : int {
  exit_done = 0,
  exit_no = 1,         ///< no feasible plan, a check or comparison failed
  exit_bad_input = 2,  ///< bad use or bad input; also a failure of hsap itself
  exit_interrupted = 130,
};
[[nodiscard]] ExitCode exit_code(const Error& error);

/// Parses the arguments, --version among them, runs `body` and tells its error on stderr as
/// "hsap-sim: error: ...". Returns the exit code. Ctrl-C ends the process with 130 and leaves no
/// partial file.
[[nodiscard]] int run_main(Command& app, int argc, const char* const* argv,
                           const std::function<Status()>& body);

/// The whole of a main: calls `program` and lets no exception of a library out. run_main() tells
/// those of the computation; what is left is running out of memory while flags are registered.
template <typename Program>
[[nodiscard]] int guard(const Program& program) noexcept {
  try {
    return program();
  } catch (...) {
    std::fputs("error: cannot start\n", stderr);
    return exit_bad_input;
  }
}

/// While it lives, Ctrl-C has to wait: for the moments in which a file is being written. The
/// process ends with 130 when it is gone.
class HoldInterrupts {
 public:
  HoldInterrupts();
  ~HoldInterrupts();
  HoldInterrupts(const HoldInterrupts&) = delete;
  HoldInterrupts& operator=(const HoldInterrupts&) = delete;
};

}  // namespace hsap::cli
