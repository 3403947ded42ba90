#pragma once

#include "cluster/import/machine.hpp"

namespace hsap::topo {

/// Leaves out disks, NVSwitches and whatever else is neither GPU nor NIC, and switches that then
/// hold nothing.
void drop_other_devices(Machine& machine);

/// Broadcom's Gen4 and Gen5 switches show two levels of bridges but are one switch at full rate;
/// makes them one, as NCCL does.
void merge_broadcom(Machine& machine);

}  // namespace hsap::topo
