#include "cli/program.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <optional>
#include <string_view>
#include <vector>

#include "base/names.hpp"

namespace hsap::cli {
namespace {

extern "C" void on_interrupt(int) {
  // Only what is safe inside a signal handler. Files are replaced by a rename under
  // HoldInterrupts, so there is nothing to clean up.
  constexpr std::string_view text = "\ninterrupted\n";
  const auto ignored = ::write(STDERR_FILENO, text.data(), text.size());
  static_cast<void>(ignored);
  ::_exit(exit_interrupted);
}

void tell(const CLI::App& app, const std::string& text) {
  fmt::print(stderr, "{}: error: {}\n", app.get_name(), text);
}

/// The subcommand that was called, or the program itself.
const CLI::App& active(const CLI::App& app) {
  const std::vector<CLI::App*> called = app.get_subcommands();
  return called.empty() ? app : active(*called.front());
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

std::string unknown_argument(const CLI::App& app) {
  const std::vector<std::string> rest = app.remaining(true);
  if (rest.empty()) return "unknown argument";
  const std::string& first = rest.front();
  if (first.starts_with('-')) {
    const std::string name = first.substr(0, first.find('='));
    std::vector<std::string> near = near_misses(name, flags_of(active(app)));
    const std::string expected = near.empty() ? "a flag that --help lists" : one_of(near);
    return Error{ErrorKind::bad_input, {}, {}, "unknown flag", "'" + name + "'", expected}.text();
  }
  return Error{ErrorKind::bad_input, {}, {}, "unexpected argument", "'" + first + "'", {}}.text();
}

/// On the program and its subcommands, so that it is understood wherever it is written.
void add_version(CLI::App& app, const std::string& text) {
  app.set_version_flag("--version", text, "Print the version and exit");
  for (CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    add_version(*sub, text);
  }
}

/// Parses; nothing on success, otherwise the exit code after the user was told.
std::optional<int> parse(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForHelp& call) {
    return app.exit(call);
  } catch (const CLI::CallForVersion& call) {
    return app.exit(call);
  } catch (const CLI::ExtrasError&) {
    tell(app, unknown_argument(app));
  } catch (const CLI::ParseError& error) {
    tell(app, error.what());
  }
  return exit_bad_input;
}

}  // namespace

std::string_view version() { return HSAP_VERSION; }

ExitCode exit_code(const Error& error) {
  return error.kind == ErrorKind::infeasible ? exit_no : exit_bad_input;
}

int run_main(CLI::App& app, int argc, const char* const* argv,
             const std::function<Status()>& body) {
  std::signal(SIGINT, on_interrupt);
  // A reader that leaves early is told as a failed write, not by a signal.
  std::signal(SIGPIPE, SIG_IGN);
  add_version(app, fmt::format("{} {}", app.get_name(), version()));
  try {
    if (const std::optional<int> code = parse(app, argc, argv)) return *code;
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

HoldInterrupts::HoldInterrupts() { std::signal(SIGINT, SIG_IGN); }
HoldInterrupts::~HoldInterrupts() { std::signal(SIGINT, on_interrupt); }

}  // namespace hsap::cli
