#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>

#include "hsap/status.hpp"

namespace hsap::cli {

/// --color.
enum class ColorMode { automatic, always, never };
[[nodiscard]] Result<ColorMode> parse_color(const std::string& text);

/// Whether stdout gets colour: as asked, otherwise on a terminal unless NO_COLOR is set
/// (no-color.org) or TERM is "dumb".
[[nodiscard]] bool wants_color(ColorMode mode);

/// Whether stderr is a terminal that can rewrite its line.
[[nodiscard]] bool can_rewrite_line();

/// One line on stderr that says how far a computation is. Nothing at all when disabled, which a
/// program does with --quiet and off a terminal. Threads may report together.
class Progress {
 public:
  explicit Progress(bool enabled) : enabled_(enabled) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }

  /// "what 3/8"; at most ten lines a second are drawn.
  void report(const std::string& what, std::size_t done, std::size_t total);
  /// Removes the line.
  void clear();

 private:
  const bool enabled_;
  std::mutex mutex_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace hsap::cli
