#include "validate/world/spawn.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <tuple>

#include "validate/world/child.hpp"

extern char** environ;

namespace hsap::world {
namespace {

constexpr const char* spawned_variable = "HSAP_SPAWNED";
constexpr int caught_signals[] = {SIGINT, SIGTERM, SIGHUP};

/// How many of the signals came, and which came first.
std::atomic<int> signals_caught = 0;
std::atomic<int> first_signal = 0;

extern "C" void catch_signal(int signal) {
  int none = 0;
  first_signal.compare_exchange_strong(none, signal);
  signals_caught.fetch_add(1);
}

/// Catches them while it lives.
class SignalGuard {
 public:
  SignalGuard() {
    signals_caught = 0;
    first_signal = 0;
    struct sigaction action = {};
    action.sa_handler = catch_signal;
    for (std::size_t i = 0; i < std::size(caught_signals); ++i) {
      ::sigaction(caught_signals[i], &action, &before_[i]);
    }
  }
  ~SignalGuard() {
    for (std::size_t i = 0; i < std::size(caught_signals); ++i) {
      ::sigaction(caught_signals[i], &before_[i], nullptr);
    }
  }
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

 private:
  struct sigaction before_[std::size(caught_signals)] = {};
};

struct RankProcess : Child {
  std::optional<RankEnd> end;
  bool stopped = false;  ///< was sent a signal
};

/// The variables of this process with those of a rank in their place.
std::vector<std::string> variables_of(int rank, int ranks, int port) {
  std::vector<std::string> own = {fmt::format("RANK={}", rank),
                                  fmt::format("WORLD_SIZE={}", ranks),
                                  fmt::format("LOCAL_RANK={}", rank),
                                  fmt::format("LOCAL_WORLD_SIZE={}", ranks),
                                  "MASTER_ADDR=127.0.0.1",
                                  fmt::format("MASTER_PORT={}", port),
                                  "TORCHELASTIC_USE_AGENT_STORE=False",
                                  std::string(spawned_variable) + "=1"};
  const std::size_t count = own.size();
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view name = std::string_view(*each).substr(0, std::strcspn(*each, "=") + 1);
    const bool replaced =
        std::any_of(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(count),
                    [&](const std::string& mine) { return mine.starts_with(name); });
    if (!replaced) own.emplace_back(*each);
  }
  return own;
}

/// All ranks of a run on this machine.
class Family {
 public:
  explicit Family(const SpawnOptions& options) : options_(options) {}
  /// Nobody is left behind when starting fails half-way.
  ~Family() {
    signal_all(SIGKILL);
    for (RankProcess& child : children_) {
      if (!child.end) ::waitpid(child.pid, nullptr, 0);
    }
  }
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  [[nodiscard]] Status start(int ranks, const std::vector<std::string>& command, int port);
  [[nodiscard]] SpawnReport wait();

 private:
  void read_outputs();
  void reap();
  void press();
  void signal_all(int signal);
  [[nodiscard]] bool any_left() const {
    return std::any_of(children_.begin(), children_.end(),
                       [](const RankProcess& c) { return !c.end; });
  }

  const SpawnOptions& options_;
  std::vector<RankProcess> children_;
  Clock::time_point begin_ = Clock::now();
  int last_sent_ = 0;  ///< signal
  int passed_on_ = 0;  ///< signals that this process got and its children too
  std::optional<Clock::time_point> pressed_;  ///< when the last signal was sent or a rank failed
};

Status Family::start(int ranks, const std::vector<std::string>& command, int port) {
  for (int rank = 0; rank < ranks; ++rank) {
    HSAP_TRY(Child child, start_child(rank, command, variables_of(rank, ranks, port), options_.out,
                                      options_.err));
    children_.push_back({std::move(child), std::nullopt});
  }
  return {};
}

void Family::read_outputs() {
  std::vector<pollfd> files;
  for (const RankProcess& child : children_) {
    for (const ChildOutput* output : {&child.out, &child.err}) {
      if (output->descriptor() >= 0) files.push_back({output->descriptor(), POLLIN, 0});
    }
  }
  // Ends and signals are looked for by the clock.
  constexpr int often_ms = 20;
  static_cast<void>(::poll(files.data(), files.size(), often_ms));
  for (RankProcess& child : children_) {
    child.out.read();
    child.err.read();
  }
}

void Family::reap() {
  for (std::size_t rank = 0; rank < children_.size(); ++rank) {
    RankProcess& child = children_[rank];
    int status = 0;
    if (child.end || ::waitpid(child.pid, &status, WNOHANG) != child.pid) continue;
    RankEnd end{static_cast<int>(rank)};
    end.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    end.stopped = child.stopped;
    end.at_s = std::chrono::duration<double>(Clock::now() - begin_).count();
    if (!end.well() && !pressed_) pressed_ = Clock::now();
    child.end = end;
    // What it wrote is there by now; a process that it left behind may hold its outputs open.
    for (ChildOutput* output : {&child.out, &child.err}) {
      output->read();
      output->close();
    }
  }
}

void Family::signal_all(int signal) {
  for (RankProcess& child : children_) {
    if (child.end) continue;
    child.stopped = true;
    // Its group, unless it has not come to make one.
    if (::kill(-child.pid, signal) != 0) ::kill(child.pid, signal);
  }
  last_sent_ = signal;
  pressed_ = Clock::now();
}

/// Passes on signals; sends harder ones to ranks that do not end by themselves.
void Family::press() {
  const int caught = signals_caught.load();
  if (caught > passed_on_) {
    signal_all(passed_on_ == 0 ? first_signal.load() : SIGKILL);
    passed_on_ = caught;
  }
  if (!pressed_ || last_sent_ == SIGKILL) return;
  const bool terminated = last_sent_ == SIGTERM;
  const double patience_s = terminated ? options_.term_s : options_.grace_s;
  if (Clock::now() - *pressed_ < seconds(patience_s)) return;
  signal_all(terminated ? SIGKILL : SIGTERM);
}

SpawnReport Family::wait() {
  while (any_left()) {
    read_outputs();
    reap();
    press();
  }
  SpawnReport report;
  for (const RankProcess& child : children_) report.ends.push_back(*child.end);
  report.interrupted = first_signal.load();
  return report;
}

/// The ranks that failed, those that may be the cause first. Exit code 1 is also that of ranks that
/// have lost another one, and they may end before it.
std::vector<RankEnd> failures(const SpawnReport& report) {
  std::vector<RankEnd> failed;
  std::copy_if(report.ends.begin(), report.ends.end(), std::back_inserter(failed),
               [](const RankEnd& end) { return !end.well(); });
  const auto weight = [](const RankEnd& end) {
    return std::tuple(end.stopped, end.exit_code == 1, end.at_s);
  };
  std::stable_sort(failed.begin(), failed.end(),
                   [&](const RankEnd& a, const RankEnd& b) { return weight(a) < weight(b); });
  return failed;
}

}  // namespace

int SpawnReport::exit_code() const {
  constexpr int by_signal = 128;
  constexpr int bad_input = 2;
  if (interrupted != 0) return by_signal + interrupted;
  const std::vector<RankEnd> failed = failures(*this);
  if (failed.empty()) return 0;
  return failed.front().exit_code == bad_input ? bad_input : 1;
}

std::string SpawnReport::text() const {
  std::string text;
  for (const RankEnd& end : failures(*this)) {
    const char* name = end.signal == 0 ? nullptr : ::sigabbrev_np(end.signal);
    text += text.empty() ? "" : "; ";
    text += end.signal == 0
                ? fmt::format("rank {} ended with exit code {}", end.rank, end.exit_code)
                : fmt::format("rank {} was killed by signal {} (SIG{})", end.rank, end.signal,
                              name == nullptr ? "?" : name);
    if (end.stopped) text += " after it was told to stop";
  }
  return text;
}

Result<SpawnReport> spawn_local(int ranks, const std::vector<std::string>& command,
                                const SpawnOptions& options) {
  if (command.empty() || ::access(command.front().c_str(), X_OK) != 0) {
    return bad_input("not a program that can be started",
                     command.empty() ? "" : "'" + command.front() + "'");
  }
  HSAP_TRY(const Descriptor port, hold_port());
  const SignalGuard guard;
  Family family(options);
  HSAP_CHECK(family.start(ranks, command, port_of(port)));
  return family.wait();
}

std::vector<std::string> this_command(int argc, const char* const* argv) {
  std::vector<std::string> command(argv, argv + argc);
  std::error_code code;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", code);
  if (!code) command.front() = path.string();
  return command;
}

bool is_spawned(const Environment& environment) {
  return environment(spawned_variable).has_value();
}

}  // namespace hsap::world
