#include "validate/npy/npy.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "base/files.hpp"
#include "validate/npy/header.hpp"

namespace hsap::npy {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie");

constexpr std::int64_t most_bytes = std::int64_t{16} << 30;
constexpr std::string_view magic = "\x93NUMPY";
constexpr std::array<std::string_view, 4> descriptions{"<f4", "<f8", "<i4", "<i8"};

Error at(const std::string& file, std::string message, std::string found, std::string expected) {
  Error error = bad_input(std::move(message), std::move(found), std::move(expected));
  error.file = file;
  return error;
}

/// Where the header lies.
struct Place {
  std::size_t begin = 0;
  std::size_t end = 0;
};

Result<Place> find_header(const std::string& bytes, const std::string& file) {
  if (bytes.compare(0, magic.size(), magic) != 0 || bytes.size() < 10) {
    return at(file, "not an array in NumPy's format", fmt::format("{} bytes", bytes.size()),
              "a file of numpy.save");
  }
  const int version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3 || bytes[7] != 0) {
    return at(file, "unknown version of the format", std::to_string(version), "1, 2 or 3");
  }
  const std::size_t begin = version == 1 ? 10 : 12;
  std::size_t length = 0;
  for (std::size_t i = 8; i < begin && i < bytes.size(); ++i) {
    length |= std::size_t{static_cast<unsigned char>(bytes[i])} << (8 * (i - 8));
  }
  if (bytes.size() < begin || length > bytes.size() - begin) {
    return at(file, "the file ends inside its header", fmt::format("{} bytes", bytes.size()),
              fmt::format("at least {}", begin + length));
  }
  return Place{begin, begin + length};
}

std::optional<Element> element_of(const std::string& descr) {
  for (std::size_t i = 0; i < descriptions.size(); ++i) {
    if (descriptions[i] == descr) return static_cast<Element>(i);
  }
  return std::nullopt;
}

/// Numbers in a shape. Compared with the length of the file before anything is allocated.
Result<std::int64_t> numbers_of(const Header& header, Element element, std::int64_t length,
                                const std::string& file) {
  std::int64_t bytes = bytes_of(element);
  bool overflow = false;
  for (const std::int64_t size : header.shape) {
    overflow = __builtin_mul_overflow(bytes, size, &bytes) || overflow;
  }
  if (!overflow && bytes == length) return bytes / bytes_of(element);
  const std::string wanted = overflow ? "more than 2^63" : std::to_string(bytes);
  return at(file, "the length does not match the shape " + shape_text(header.shape),
            fmt::format("{} bytes of numbers", length), wanted + " bytes");
}

template <typename T>
void load(const char* from, std::vector<double>& values) {
  for (double& value : values) {
    T number;
    std::memcpy(&number, from, sizeof number);
    value = static_cast<double>(number);
    from += sizeof number;
  }
}

void load(Element element, const char* from, std::vector<double>& values) {
  if (element == Element::f4) load<float>(from, values);
  if (element == Element::f8) load<double>(from, values);
  if (element == Element::i4) load<std::int32_t>(from, values);
  if (element == Element::i8) load<std::int64_t>(from, values);
}

template <typename T>
void store(std::span<const double> values, std::string& out) {
  for (const double value : values) {
    const T number = static_cast<T>(value);
    char bytes[sizeof number];
    std::memcpy(bytes, &number, sizeof number);
    out.append(bytes, sizeof number);
  }
}

}  // namespace

std::string shape_text(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

Result<Array> parse(const std::string& bytes, const std::string& file) {
  HSAP_TRY(const Place place, find_header(bytes, file));
  const std::string_view text(bytes.data() + place.begin, place.end - place.begin);
  Result<Header> header = parse_header(text);
  if (!header) {
    Error error = std::move(header).error();
    error.file = file;
    return error;
  }
  const std::optional<Element> element = element_of(header->descr);
  if (!element) {
    return at(file, "unknown type of numbers", "'" + header->descr + "'",
              fmt::format("{}", fmt::join(descriptions, ", ")));
  }
  if (header->fortran_order) {
    return at(file, "the array is in Fortran order", "fortran_order True",
              "C order: numpy.ascontiguousarray before numpy.save");
  }
  const auto length = static_cast<std::int64_t>(bytes.size() - place.end);
  HSAP_TRY(const std::int64_t numbers, numbers_of(*header, *element, length, file));
  Array array{*element, std::move(header->shape), {}};
  array.values.resize(static_cast<std::size_t>(numbers));
  load(*element, bytes.data() + place.end, array.values);
  return array;
}

Result<Array> read(const std::string& path) {
  HSAP_TRY(const std::string bytes, read_file(path, most_bytes));
  return parse(bytes, path);
}

std::string text(Element element, std::span<const std::int64_t> shape,
                 std::span<const double> values) {
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
                                   descriptions[static_cast<std::size_t>(element)],
                                   fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  // Numbers begin at a multiple of 64 bytes, as NumPy writes them.
  header.append(63 - (magic.size() + 4 + header.size()) % 64, ' ');
  header += '\n';
  std::string out(magic);
  out += {'\x01', '\x00', static_cast<char>(header.size() & 0xff),
          static_cast<char>(header.size() >> 8)};
  out += header;
  if (element == Element::f4) store<float>(values, out);
  if (element == Element::f8) store<double>(values, out);
  if (element == Element::i4) store<std::int32_t>(values, out);
  if (element == Element::i8) store<std::int64_t>(values, out);
  return out;
}

}  // namespace hsap::npy
