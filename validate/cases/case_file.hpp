#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.hpp"
#include "hsap/cluster.hpp"
#include "hsap/mask.hpp"
#include "hsap/model.hpp"
#include "hsap/predict.hpp"
#include "hsap/runtime.hpp"
#include "hsap/strategy.hpp"

/// Measured runs with their setups, kept to check predictions. File format: docs/cases-format.md.
namespace hsap::cases {

/// Attention of one layer under a strategy.
struct Attention {
  std::vector<Problem> problems;  ///< of a batch each, whose mean was measured
  Passes passes = Passes::forward;
  Strategy strategy;
  bool serialised = false;  ///< all ranks on one GPU, one operation after the other
};

/// One optimizer step of a whole model, every batch of which holds the same documents.
struct Step {
  Model model;
  Batch batch;
  Mask mask;
  Strategy strategy;
  Training training;
};

/// One attention kernel, alone on a GPU.
struct Kernel {
  std::vector<Slice> slices;
  Heads heads;
  Pass pass = Pass::forward;
};

/// Messages of equal size that start together.
struct Transfers {
  std::vector<std::pair<int, int>> pairs;  ///< GPUs of the cluster: from, to
  std::int64_t bytes = 0;                  ///< of each message
};

/// A collective of nccl-tests over `nodes` x `gpus_per_node` GPUs.
struct Collective {
  enum class Kind : std::uint8_t { all_gather, reduce_scatter, all_reduce, all_to_all };
  Kind kind = Kind::all_gather;
  std::int64_t bytes = 0;  ///< "size" of nccl-tests: of the whole gathered, reduced or sent buffer
};

/// Computing and communication of one plan, of which only the times alone are known, at once.
struct Overlap {
  double compute_s = 0;
  double communication_s = 0;
};

/// What of a run was measured, and is predicted.
enum class Quantity : std::uint8_t {
  seconds,
  peak_bytes  ///< of memory, on the GPU that needs most; of steps only
};

struct Case {
  std::string name;
  std::string group;
  std::string note;
  int nodes = 1;
  int gpus_per_node = 1;
  std::shared_ptr<const Runtime> runtime;  ///< shared by cases that name the same
  std::variant<Attention, Step, Kernel, Transfers, Collective, Overlap> work;
  Quantity quantity = Quantity::seconds;
  double measured = 0;  ///< in the unit of the quantity
};

struct CaseFile {
  std::string path;
  std::string source;
  std::vector<std::pair<std::string, std::string>> setup;  ///< device, date, versions, ...
  std::string cluster_name;
  ClusterSpec cluster;
  Runtime runtime;             ///< of cases that name none
  std::optional<Model> model;  ///< that steps train which name none
  std::vector<Case> cases;
};

/// Reads "hsap.cases/1" of at most 64 MiB. Nothing in it is trusted: errors name file, JSON
/// pointer, what was found and what was expected.
[[nodiscard]] Result<CaseFile> read_cases(const std::string& path);
[[nodiscard]] Result<CaseFile> parse_cases(const json::Value& value, const std::string& path);

}  // namespace hsap::cases
