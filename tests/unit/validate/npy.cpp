#include "validate/npy/npy.hpp"

#include <catch2/catch.hpp>
#include <cstring>

namespace hsap::npy {
namespace {

using Catch::Contains;

/// A file of version 1.0 with this header and so many bytes of zeros.
std::string file_with(const std::string& header, std::size_t bytes) {
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size() & 0xff);
  out += static_cast<char>(header.size() >> 8);
  return out + header + std::string(bytes, '\0');
}

void refuse(const std::string& bytes, const std::string& needle) {
  const Result<Array> array = parse(bytes, "some.npy");
  REQUIRE_FALSE(array);
  CHECK_THAT(array.error().text(), Contains("some.npy") && Contains(needle));
}

TEST_CASE("what is written is read back in every element") {
  const std::vector<std::int64_t> shape{2, 3};
  const std::vector<double> values{0, 1, -2, 3, -4, 5};
  for (const Element element : {Element::f4, Element::f8, Element::i4, Element::i8}) {
    const Result<Array> array = parse(text(element, shape, values), "x");
    REQUIRE(array);
    CHECK(array->element == element);
    CHECK(array->shape == shape);
    CHECK(array->values == values);
  }
}

TEST_CASE("numbers begin at a multiple of 64 bytes, as the format asks for") {
  for (std::int64_t size = 1; size < 100000; size *= 7) {
    const std::vector<double> values(static_cast<std::size_t>(size), 1.0);
    const std::vector<std::int64_t> shape{size};
    const std::string bytes = text(Element::f8, shape, values);
    CHECK((bytes.size() - values.size() * 8) % 64 == 0);
  }
}

TEST_CASE("headers of other writers: order of keys, quotes, longer versions, no numbers") {
  const Result<Array> other =
      parse(file_with("{\"shape\": (2,), 'fortran_order': False, 'descr': '<f4'}  \n", 8), "x");
  REQUIRE(other);
  CHECK(other->shape == std::vector<std::int64_t>{2});
  std::string second = file_with("{'descr': '<i8', 'fortran_order': False, 'shape': ()}", 8);
  second[6] = 2;
  second.insert(10, 2, '\0');
  const Result<Array> scalar = parse(second, "x");
  REQUIRE(scalar);
  CHECK(scalar->values.size() == 1);
}

TEST_CASE("bad files are told") {
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n";
  REQUIRE(parse(file_with(good, 16), "x"));
  refuse("", "not an array");
  refuse("PK\x03\x04 some archive", "not an array");
  refuse(file_with(good, 15), "15 bytes");
  refuse(file_with(good, 17), "16 bytes");
  refuse(file_with(good, 16).substr(0, 30), "ends inside its header");
  std::string version = file_with(good, 16);
  version[6] = 9;
  refuse(version, "unknown version");
  refuse(file_with("{'descr': '<f2', 'fortran_order': False, 'shape': (2,)}", 4), "'<f2'");
  refuse(file_with("{'descr': '<f4', 'fortran_order': True, 'shape': (2,)}", 8), "Fortran");
  refuse(file_with("{'descr': '<f4', 'fortran_order': False}", 8), "not the header");
  refuse(file_with("{'descr': '<f4', 'descr': '<f4', 'shape': (2,)}", 8), "not the header");
  refuse(file_with("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}", 8),
         "not the header");
}

TEST_CASE("enormous shapes are refused before anything is allocated") {
  const auto header = [](const std::string& shape) {
    return "{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + ",)}";
  };
  refuse(file_with(header("1152921504606846976"), 8), "8 bytes");  // 2^60
  refuse(file_with(header("4294967296, 4294967296"), 8), "8 bytes");
  refuse(file_with(header("99999999999999999999999"), 8), "not the header");
  refuse(file_with(header("1,1,1,1,1,1,1,1,1"), 4), "not the header");
}

}  // namespace
}  // namespace hsap::npy
