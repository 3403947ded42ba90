#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "hsap/status.hpp"
#include "validate/world/socket.hpp"

namespace hsap::world {

/// Gets whole lines with their ends, or long pieces of such.
using Sink = std::function<void(std::string_view)>;

/// What a child writes to one of its two outputs, cut into lines for a sink.
class ChildOutput {
 public:
  /// Reads from `pipe`, which does not block. Each line gets `prefix` before it; `sink` may be null
  /// and must outlive this.
  ChildOutput(Descriptor pipe, std::string prefix, const Sink& sink)
      : pipe_(std::move(pipe)), prefix_(std::move(prefix)), sink_(&sink) {}

  /// Where poll() can wait for more; negative once the child has closed it.
  [[nodiscard]] int descriptor() const { return pipe_.get(); }
  /// Passes on what is there now.
  void read();
  /// Passes on the last line, which may have no end, and reads no more.
  void close();

 private:
  void add(std::string_view text);
  void flush();
  void tell(std::string_view line) const;

  Descriptor pipe_;
  std::string prefix_;
  const Sink* sink_;
  std::string part_;  ///< of a line whose end has not come
};

struct Child {
  pid_t pid = -1;
  ChildOutput out;
  ChildOutput err;
};

/// Starts a program as `rank`: with this command line and these variables ("NAME=value"), in a
/// process group of its own, killed when this process ends. Lines get the rank before them, but for
/// those of rank 0. Errors (infeasible): no pipe, no process.
[[nodiscard]] Result<Child> start_child(int rank, std::vector<std::string> command,
                                        std::vector<std::string> variables, const Sink& out,
                                        const Sink& err);

}  // namespace hsap::world
