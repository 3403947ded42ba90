#include "device/emulated/start.hpp"
// Its words of CUDA mean nothing now.
#include "kernels/launch/portable.cu"
