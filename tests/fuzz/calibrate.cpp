#include "cost/calibrate/calibrate.hpp"

#include <cmath>

#include "cost/measurements/read.hpp"
#include "fuzz/target.hpp"

using namespace hsap;

/// A table or log is read or refused, and what is read is fitted or refused; every number that
/// comes out is one that a cluster file may hold.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const ClusterSpec base = *load_cluster("fit-a800");
  const std::string path = fuzz::file_with(fuzz::text_of(data, size), ".txt");
  fit::Data kernels;
  fit::Data copies;
  fit::Data transfers;
  fit::Data logs;
  const Status read[] = {fit::read_kernels(path, kernels), fit::read_copies(path, copies),
                         fit::read_transfers(path, transfers),
                         fit::read_nccl(path, base.gpus_per_node(), logs)};
  const fit::Data* tables[] = {&kernels, &copies, &transfers, &logs};
  for (std::size_t i = 0; i < std::size(read); ++i) {
    if (!read[i].ok()) {
      fuzz::demand(!read[i].error().text().empty());
      continue;
    }
    const Result<fit::Calibration> found = fit::calibrate(base, 0, *tables[i]);
    if (!found.ok()) continue;
    for (const fit::Number& number : found->numbers) {
      fuzz::demand(std::isfinite(number.after) && number.after >= 0);
    }
    fuzz::demand(Cluster::build(found->spec, 2).ok());
  }
  return 0;
}
