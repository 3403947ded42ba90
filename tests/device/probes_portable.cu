#include "device/on_device.cuh"
#include "device/selftest.hpp"

std::vector<test::Probe> test::device_portable_probes() { return portable_probes<OnDevice>(); }
