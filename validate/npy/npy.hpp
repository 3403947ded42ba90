#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hsap/status.hpp"

/// Arrays in NumPy's file format (numpy.lib.format, versions 1.0 to 3.0), little-endian.
namespace hsap::npy {

enum class Element : std::uint8_t { f4, f8, i4, i8 };
[[nodiscard]] constexpr std::int64_t bytes_of(Element element) {
  return element == Element::f4 || element == Element::i4 ? 4 : 8;
}

/// An array in row-major order. Every number becomes a double: exact but for integers beyond 2^53.
struct Array {
  Element element = Element::f4;
  std::vector<std::int64_t> shape;
  std::vector<double> values;
};

/// The array of a file's bytes. `file` only names the source in errors. Nothing is allocated for a
/// shape that the file does not fill.
/// Errors: another format or version, Fortran order, another element, a shape and a length that do
/// not agree.
[[nodiscard]] Result<Array> parse(const std::string& bytes, const std::string& file);
/// The same from a file of at most 16 GiB.
[[nodiscard]] Result<Array> read(const std::string& path);

/// The bytes of a file, version 1.0. `values` are rounded to the element.
[[nodiscard]] std::string text(Element element, std::span<const std::int64_t> shape,
                               std::span<const double> values);

/// "[3, 4]".
[[nodiscard]] std::string shape_text(std::span<const std::int64_t> shape);

}  // namespace hsap::npy
