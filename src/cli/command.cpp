#include "cli/command.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <utility>

#include "base/names.hpp"
#include "cli/program.hpp"
#include "hsap/status.hpp"

namespace hsap::cli {
namespace {

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

}  // namespace

Flag Flag::type_name(const std::string& text) {
  option_->type_name(text);
  return *this;
}

Flag Flag::group(const std::string& heading) {
  option_->group(heading);
  return *this;
}

Flag Flag::required() {
  option_->required();
  return *this;
}

Flag Flag::one_value_each() {
  option_->allow_extra_args(false);
  return *this;
}

Flag Flag::needs(const Flag& other) {
  option_->needs(other.option_);
  return *this;
}

Flag Flag::excludes(const Flag& other) {
  option_->excludes(other.option_);
  return *this;
}

bool Flag::given() const { return option_->count() > 0; }

std::string Flag::name() const { return option_->get_name(); }

Command::Command(const std::string& name, const std::string& help)
    : app_(std::make_shared<CLI::App>(help, name)) {}

Command Command::add_subcommand(const std::string& name, const std::string& help) {
  // Keeps the whole program alive.
  return Command(std::shared_ptr<CLI::App>(app_, app_->add_subcommand(name, help)));
}

void Command::require_subcommand() { app_->require_subcommand(1); }

bool Command::called(const std::string& subcommand) const {
  return app_->got_subcommand(subcommand);
}

Flag Command::add_option(const std::string& flags, std::string& target, const std::string& help) {
  return Flag(*app_->add_option(flags, target, help));
}

Flag Command::add_option(const std::string& flags, std::vector<std::string>& target,
                         const std::string& help) {
  return Flag(*app_->add_option(flags, target, help));
}

Flag Command::add_flag(const std::string& flags, bool& target, const std::string& help) {
  return Flag(*app_->add_flag(flags, target, help));
}

Flag Command::add_read(const std::string& flags,
                       std::function<std::string(const std::string&)> read,
                       const std::string& help) {
  // CLI11 turns the text that a check answers into its error, so nothing here throws.
  return Flag(*app_->add_option(flags, help)->check(std::move(read)));
}

std::string Command::name() const { return app_->get_name(); }

std::optional<int> Command::parse(int argc, const char* const* argv) {
  add_version(*app_, fmt::format("{} {}", name(), version()));
  const auto tell = [this](const std::string& text) {
    fmt::print(stderr, "{}: error: {}\n", name(), text);
  };
  try {
    app_->parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForHelp& call) {
    return app_->exit(call);
  } catch (const CLI::CallForVersion& call) {
    return app_->exit(call);
  } catch (const CLI::ExtrasError&) {
    tell(unknown_argument(*app_));
  } catch (const CLI::ParseError& error) {
    tell(error.what());
  }
  return exit_bad_input;
}

}  // namespace hsap::cli
