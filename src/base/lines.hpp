#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hsap/status.hpp"

namespace hsap {

/// Without the blanks and tabs at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

/// Text in quotes, its first 60 bytes, for "found".
[[nodiscard]] std::string in_quotes(std::string_view text);

/// Reads a text file line by line in bounded memory. Lines end in LF or CRLF, the last one
/// perhaps in nothing; a UTF-8 byte order mark is skipped.
class LineReader {
 public:
  /// Errors: no regular file, more than `max_bytes`. A longer line than `max_line` bytes ends
  /// the reading with an error.
  static Result<LineReader> open(const std::string& path, std::int64_t max_bytes,
                                 std::size_t max_line = std::size_t{1} << 20);

  /// The next line without its end, or false at the end of the file or after an error.
  bool next(std::string& line);
  /// Number of the line read last, from 1.
  [[nodiscard]] std::int64_t number() const { return number_; }
  /// Success, or why reading stopped early.
  [[nodiscard]] Status status() const { return status_; }
  /// An error at the line read last.
  [[nodiscard]] Error error(const std::string& message, const std::string& found = {},
                            const std::string& expected = {}) const;

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  LineReader(std::string path, std::FILE* file, std::size_t max_line);
  bool refill();

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::size_t max_line_;
  std::vector<char> buffer_;
  std::size_t at_ = 0;
  std::size_t filled_ = 0;
  std::int64_t number_ = 0;
  Status status_;
};

}  // namespace hsap
