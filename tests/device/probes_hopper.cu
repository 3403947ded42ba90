#include "device/on_device.cuh"
#include "device/selftest.hpp"

std::vector<test::Probe> test::device_hopper_probes() { return hopper_probes<OnDevice>(); }
