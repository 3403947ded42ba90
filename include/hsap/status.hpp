#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace hsap {

/// Why something could not be done. The kind decides the exit code of a program.
enum class ErrorKind {
  bad_input,   ///< the user's mistake: a flag, a file, a value. Exit code 2.
  infeasible,  ///< the question was fine and the answer is no. Exit code 1.
  internal,    ///< hsap's own mistake.
};

/// One error: where it is, what stands there and what should stand there instead.
/// Fields that do not apply stay empty.
struct Error {
  ErrorKind kind = ErrorKind::bad_input;
  std::string file;      ///< path, or the flag the value came from
  std::string position;  ///< line ("line 7") or JSON pointer ("/nic/count")
  std::string message;   ///< what is wrong, in one sentence without a full stop
  std::string found;     ///< the offending text or value
  std::string expected;  ///< what would have been accepted

  /// "file: position: message; found X, expected Y".
  [[nodiscard]] std::string text() const;
};

[[nodiscard]] Error bad_input(std::string message, std::string found = {},
                              std::string expected = {});
[[nodiscard]] Error infeasible(std::string message);
[[nodiscard]] Error internal_error(std::string message);

/// A value or the error that prevented it.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  [[nodiscard]] T& value() & { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
  [[nodiscard]] T& operator*() & { return value(); }
  [[nodiscard]] const T& operator*() const& { return value(); }
  [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }
  [[nodiscard]] T* operator->() { return &value(); }
  [[nodiscard]] const T* operator->() const { return &value(); }

  [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }
  [[nodiscard]] Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

/// Success, or the error that prevented it.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  [[nodiscard]] bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  [[nodiscard]] const Error& error() const {
    assert(!ok_);
    return error_;
  }

 private:
  Error error_;
  bool ok_ = true;
};

using Status = Result<void>;

}  // namespace hsap

#define HSAP_CONCAT_INNER(a, b) a##b
#define HSAP_CONCAT(a, b) HSAP_CONCAT_INNER(a, b)

/// Evaluates `expression` (a Result); returns its error from the enclosing function, or
/// binds its value to `declaration`.
#define HSAP_TRY(declaration, expression) \
  HSAP_TRY_WITH(HSAP_CONCAT(hsap_result_, __LINE__), declaration, expression)
#define HSAP_TRY_WITH(name, declaration, expression) \
  auto name = (expression);                          \
  if (!name) return std::move(name).error();         \
  declaration = *std::move(name)

/// The same for a Status: nothing to bind.
#define HSAP_CHECK(expression) \
  if (auto hsap_status = (expression); !hsap_status) return hsap_status.error()
