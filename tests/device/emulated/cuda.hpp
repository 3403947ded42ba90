#pragma once

#include <functional>
#include <string>

/// As much of the CUDA runtime as launches, tests and benchmarks use, on the host: device memory is
/// host memory, kernels run under the emulation when they are launched, and a stream that is being
/// captured keeps what it is given for its graph. cudaMemset, and cudaMemcpy from the host, come
/// into effect as late as CUDA allows: with the next call that waits for the device, or before work
/// of a stream that waits for the default one.
namespace test::emulated {

/// Does it now, or keeps it for the graph. `stream` is a cudaStream_t; `work` answers what went
/// wrong, or nothing.
void submit(void* stream, std::function<std::string()> work);

/// Which GPU there seems to be: compute capability `major`.0; 9 at first.
void set_compute_capability(int major);

}  // namespace test::emulated
