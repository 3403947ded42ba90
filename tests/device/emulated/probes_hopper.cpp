#include "device/emulated/start.hpp"
// Its words of CUDA mean nothing now.
#include "device/probes_hopper.cu"
