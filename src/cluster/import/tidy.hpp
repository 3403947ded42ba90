#pragma once

#include "cluster/import/machine.hpp"

namespace hsap::topo {

/// Leaves out disks, NVSwitches and whatever else is neither GPU nor NIC, then switches and CPUs
/// that hold nothing.
void drop_idle_parts(Machine& machine);

/// Broadcom's Gen4 and Gen5 switches show two levels of bridges but are one switch at full rate;
/// makes them one, as NCCL does.
void merge_broadcom(Machine& machine);

}  // namespace hsap::topo
