#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/import/machine.hpp"

namespace hsap::topo {

/// NVLinks of one GPU to a peer that is given by name.
struct ListedPeer {
  int gpu = 0;  ///< index into parts
  std::string target;
  int count = 0;
};

/// Parts by host and bus id.
using PartsByName = std::map<std::pair<std::string, std::string>, int>;

/// Adds `links` NVLinks to those of a GPU to a peer or to NVLinks::to_switch.
void add_nvlinks(Machine& machine, int gpu, int peer, int links);

/// Turns peers by name into NVLinks. Both ends list a link, so the second mention only confirms
/// it. Peers that are not there, links to oneself and ends that differ are warned of.
void resolve_peers(Machine& machine, const std::vector<ListedPeer>& listed,
                   const PartsByName& by_name);

/// GPUs of a host are numbered from 0 without gaps; warns of numbers that nobody has.
void note_missing_gpus(Machine& machine);

}  // namespace hsap::topo
