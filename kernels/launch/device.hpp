#pragma once

#include "hsap/kernels.hpp"

namespace hsap::kernels {

/// A cudaError_t as a Status: infeasible, with CUDA's words.
[[nodiscard]] Status cuda_status(int error, const char* what);

/// SMs that a launch may take of `sms`.
[[nodiscard]] int sms_for(const Launch& launch, int sms);

/// SMs of the current device.
[[nodiscard]] Result<int> current_sms();

/// Bad input unless the data and the strides that count are multiples of 16 bytes.
[[nodiscard]] Status check_aligned(const Tensor& tensor, const char* name);

/// Bad input unless the tensor is fp32 with one column.
[[nodiscard]] Status check_numbers(const Tensor& tensor, const char* name);

}  // namespace hsap::kernels
