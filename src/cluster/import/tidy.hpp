#pragma once

#include "cluster/import/machine.hpp"

namespace hsap::topo {

/// Leaves out disks, NVSwitches and whatever else is neither GPU nor NIC, then switches and CPUs
/// that hold nothing.
void drop_idle_parts(Machine& machine);

/// Functions of one network card, 0c:00.0 and 0c:00.1, share its slot; makes them one NIC, as NCCL
/// does.
void merge_functions(Machine& machine);

/// Broadcom's Gen4 and Gen5 switches show two levels of bridges but are one switch at full rate;
/// makes them one, as NCCL does.
void merge_broadcom(Machine& machine);

}  // namespace hsap::topo
