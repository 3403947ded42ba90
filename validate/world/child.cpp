#include "validate/world/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

namespace hsap::world {
namespace {

/// Arguments or variables as execve() takes them.
std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (std::string& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

/// In the child, where only calls that are safe in a signal handler may follow a fork.
[[noreturn]] void become(char* const* arguments, char* const* variables, int out, int err,
                         pid_t parent) {
  constexpr int cannot_start = 127;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, SIG_DFL);
  // A group of its own: a Ctrl-C of the terminal reaches it through the parent only, so once.
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(cannot_start);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::execve(arguments[0], arguments, variables);
  ::_exit(cannot_start);
}

struct Pipe {
  Descriptor read;
  Descriptor write;
};

Result<Pipe> make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return infeasible("no pipe: " + std::generic_category().message(errno));
  }
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

}  // namespace

void ChildOutput::read() {
  char buffer[16 << 10];
  while (pipe_.open()) {
    const ssize_t count = ::read(pipe_.get(), buffer, sizeof buffer);
    if (count > 0) {
      add({buffer, static_cast<std::size_t>(count)});
    } else if (count == 0) {
      close();
    } else if (errno != EINTR) {
      return;
    }
  }
}

void ChildOutput::close() {
  flush();
  pipe_.close();
}

void ChildOutput::add(std::string_view text) {
  constexpr std::size_t longest = 64 << 10;
  part_ += text;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = part_.find('\n', begin)) != std::string::npos;) {
    tell(std::string_view(part_).substr(begin, end + 1 - begin));
    begin = end + 1;
  }
  part_.erase(0, begin);
  if (part_.size() > longest) flush();
}

void ChildOutput::flush() {
  if (part_.empty()) return;
  part_.push_back('\n');
  tell(part_);
  part_.clear();
}

void ChildOutput::tell(std::string_view line) const {
  if (*sink_) (*sink_)(prefix_ + std::string(line));
}

Result<Child> start_child(int rank, std::vector<std::string> command,
                          std::vector<std::string> variables, const Sink& out, const Sink& err) {
  const std::vector<char*> arguments = pointers(command);
  const std::vector<char*> environment = pointers(variables);
  const pid_t parent = ::getpid();
  HSAP_TRY(Pipe out_pipe, make_pipe());
  HSAP_TRY(Pipe err_pipe, make_pipe());
  const pid_t pid = ::fork();
  if (pid == 0) {
    become(arguments.data(), environment.data(), out_pipe.write.get(), err_pipe.write.get(),
           parent);
  }
  if (pid < 0) {
    return infeasible(
        fmt::format("cannot start rank {}: {}", rank, std::generic_category().message(errno)));
  }
  const std::string prefix = rank == 0 ? "" : fmt::format("[rank {}] ", rank);
  return Child{pid, ChildOutput(std::move(out_pipe.read), prefix, out),
               ChildOutput(std::move(err_pipe.read), prefix, err)};
}

}  // namespace hsap::world
