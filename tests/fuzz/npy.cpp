#include "validate/npy/npy.hpp"

#include "fuzz/target.hpp"

using namespace hsap;

/// An array is read with as many numbers as its shape says, or refused.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Result<npy::Array> array = npy::parse(fuzz::text_of(data, size), "array.npy");
  if (!array) return 0;
  std::int64_t numbers = 1;
  for (const std::int64_t extent : array->shape) numbers *= extent;
  fuzz::demand(numbers == static_cast<std::int64_t>(array->values.size()));
  return 0;
}
