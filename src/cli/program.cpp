#include "cli/program.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <optional>
#include <string_view>

#include "cli/command.hpp"

namespace hsap::cli {
namespace {

std::atomic<bool> held = false;
std::atomic<bool> interrupted = false;  ///< while it was held
static_assert(std::atomic<bool>::is_always_lock_free);

/// Does only what is safe inside a signal handler. Files are replaced by a rename under
/// HoldInterrupts, so there is nothing to clean up.
[[noreturn]] void end_interrupted() {
  constexpr std::string_view text = "\ninterrupted\n";
  const auto ignored = ::write(STDERR_FILENO, text.data(), text.size());
  static_cast<void>(ignored);
  ::_exit(exit_interrupted);
}

extern "C" void on_interrupt(int) {
  // In this order: whoever lets go between the two sees that there was an interrupt.
  interrupted = true;
  if (!held) end_interrupted();
}

void tell(const Command& app, const std::string& text) {
  fmt::print(stderr, "{}: error: {}\n", app.name(), text);
}

}  // namespace

std::string_view version() { return HSAP_VERSION; }

ExitCode exit_code(const Error& error) {
  return error.kind == ErrorKind::infeasible ? exit_no : exit_bad_input;
}

int run_main(Command& app, int argc, const char* const* argv, const std::function<Status()>& body) {
  std::signal(SIGINT, on_interrupt);
  // A reader that leaves early is told as a failed write, not by a signal.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    if (const std::optional<int> code = app.parse(argc, argv)) return *code;
    const Status status = body();
    if (status) return exit_done;
    const std::string text = status.error().text();
    if (!text.empty()) tell(app, text);  // otherwise another process of the same run tells it
    return exit_code(status.error());
  } catch (const std::bad_alloc&) {
    tell(app, "out of memory");
  } catch (const std::exception& failure) {
    tell(app, fmt::format("internal error: {}", failure.what()));
  }
  return exit_bad_input;
}

HoldInterrupts::HoldInterrupts() { held = true; }
HoldInterrupts::~HoldInterrupts() {
  held = false;
  if (interrupted) end_interrupted();
}

}  // namespace hsap::cli
