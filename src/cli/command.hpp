#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

/// What a program takes on its command line. CLI11 parses it; its headers cost seconds in every
/// file that sees them, so only command.cpp does.
namespace hsap::cli {

/// A flag or a positional argument that a command has: what else is to be said about it. Lives as
/// long as its command.
class Flag {
 public:
  explicit Flag(CLI::Option& option) : option_(&option) {}

  /// How --help names the value: "FILE", "N", "auto|always|never".
  Flag type_name(const std::string& text);
  /// The heading of --help under which it stands.
  Flag group(const std::string& heading);
  Flag required();
  /// Takes one value each time it is given.
  Flag one_value_each();
  Flag needs(const Flag& other);
  Flag excludes(const Flag& other);

  [[nodiscard]] bool given() const;
  /// As the user writes it: "--nodes".
  [[nodiscard]] std::string name() const;

 private:
  CLI::Option* option_;
};

/// A program, or a subcommand of one. Copies are the same command. Targets must outlive parse().
class Command {
 public:
  Command(const std::string& name, const std::string& help);

  Command add_subcommand(const std::string& name, const std::string& help);
  /// One of the subcommands must be called.
  void require_subcommand();
  /// Whether the subcommand of that name was called.
  [[nodiscard]] bool called(const std::string& subcommand) const;

  /// `flags`: "--json", "-o,--output", or "FILE" for a positional argument.
  Flag add_option(const std::string& flags, std::string& target, const std::string& help);
  Flag add_option(const std::string& flags, std::vector<std::string>& target,
                  const std::string& help);
  Flag add_flag(const std::string& flags, bool& target, const std::string& help);
  /// `read` takes the text and answers what is wrong with it, or nothing.
  Flag add_read(const std::string& flags, std::function<std::string(const std::string&)> read,
                const std::string& help);

  [[nodiscard]] std::string name() const;
  /// Parses, with --version too. Nothing on success; otherwise the exit code, after the user was
  /// told on stderr as "hsap-sim: error: ...", unknown flags with the near misses.
  [[nodiscard]] std::optional<int> parse(int argc, const char* const* argv);

 private:
  explicit Command(std::shared_ptr<CLI::App> app) : app_(std::move(app)) {}

  std::shared_ptr<CLI::App> app_;
};

}  // namespace hsap::cli
