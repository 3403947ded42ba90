#include "base/lines.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/files.hpp"

namespace hsap {

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t most = 60;
  return "'" + std::string(text.substr(0, most)) + (text.size() <= most ? "'" : "...'");
}

Result<LineReader> LineReader::open(const std::string& path, std::int64_t max_bytes,
                                    std::size_t max_line) {
  HSAP_CHECK(file_size(path, max_bytes));
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    Error error = bad_input(std::string("cannot be read: ") + std::strerror(errno));
    error.file = path;
    return error;
  }
  return LineReader(path, file, max_line);
}

LineReader::LineReader(std::string path, std::FILE* file, std::size_t max_line)
    : path_(std::move(path)), file_(file), max_line_(max_line), buffer_(std::size_t{1} << 16) {
  constexpr char mark[] = "\xEF\xBB\xBF";
  refill();
  if (filled_ >= 3 && std::memcmp(buffer_.data(), mark, 3) == 0) at_ = 3;
}

bool LineReader::refill() {
  at_ = 0;
  filled_ = std::fread(buffer_.data(), 1, buffer_.size(), file_.get());
  if (filled_ == 0 && std::ferror(file_.get()) != 0) status_ = error("cannot be read");
  return filled_ > 0;
}

bool LineReader::next(std::string& line) {
  line.clear();
  if (!status_ || (at_ == filled_ && !refill())) return false;
  ++number_;
  for (bool complete = false; !complete && (at_ < filled_ || refill());) {
    const auto begin = buffer_.begin() + static_cast<std::ptrdiff_t>(at_);
    const auto end = buffer_.begin() + static_cast<std::ptrdiff_t>(filled_);
    const auto newline = std::find(begin, end, '\n');
    complete = newline != end;
    line.append(begin, newline);
    at_ += static_cast<std::size_t>(newline - begin) + (complete ? 1 : 0);
    if (line.size() > max_line_) {
      status_ = error("line too long", "more than " + std::to_string(max_line_) + " bytes",
                      "at most " + std::to_string(max_line_) + " bytes");
      return false;
    }
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return status_.ok();
}

Error LineReader::error(const std::string& message, const std::string& found,
                        const std::string& expected) const {
  Error error = bad_input(message, found, expected);
  error.file = path_;
  error.position = "line " + std::to_string(number_);
  return error;
}

}  // namespace hsap
