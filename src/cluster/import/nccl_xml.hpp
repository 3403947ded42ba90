#pragma once

#include <string>

#include "cluster/import/machine.hpp"

namespace hsap::topo {

/// Reads the topology XML of NCCL (NCCL_TOPO_FILE, NCCL_TOPO_DUMP_FILE; version 1).
///
/// What NCCL would fill in on the machine itself stays empty in the answer. Ports of one network
/// card, its PCI functions among them, become one NIC, as in NCCL's NCCL_NET_MERGE_LEVEL=PORT;
/// two-level Broadcom switches become one, as NCCL flattens them. Bridges, NVMe disks and the like
/// are left out. Errors name the line: what is no such XML, missing attributes, values out of
/// range, bus ids given twice.
[[nodiscard]] Result<Machine> read_nccl_xml(const std::string& text, const std::string& file);

}  // namespace hsap::topo
