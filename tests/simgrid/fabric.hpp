#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace hsap {

/// A transfer between two GPUs of a fabric.
struct Parcel {
  int from = 0;  ///< GPU
  int to = 0;    ///< another GPU
  std::uint64_t bytes = 0;
  double cap_bytes_per_s = 0;
  double start_s = 0;
};

/// GPUs in nodes, nodes under leaf switches, leaves under one spine, and transfers on them.
/// Every link is one direction; a route is fixed for each ordered pair of GPUs.
struct Fabric {
  int gpus = 0;
  std::vector<double> bandwidths;                  ///< by link, bytes/s
  std::vector<std::vector<std::uint32_t>> routes;  ///< [from * gpus + to], links in order
  std::vector<Parcel> transfers;                   ///< by start

  [[nodiscard]] const std::vector<std::uint32_t>& route(const Parcel& transfer) const {
    return routes[static_cast<std::size_t>(transfer.from * gpus + transfer.to)];
  }
};

/// What is drawn for a fabric.
struct FabricShape {
  int transfers = 0;
  bool even = false;  ///< equal bandwidths in a class, equal sizes, no caps: everything ties
  bool late = true;   ///< two of three transfers start after the first ones
};

Fabric random_fabric(std::mt19937_64& random, const FabricShape& shape);

}  // namespace hsap
