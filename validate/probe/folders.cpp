#include "validate/probe/folders.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <numeric>

#include "base/files.hpp"
#include "export/json/text.hpp"
#include "schedule/kinds.hpp"
#include "validate/compare/compare.hpp"
#include "validate/npy/npy.hpp"

namespace hsap {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t most_documents = 1 << 20;

std::string path_of(const std::string& directory, const std::string& folder, Role role) {
  return (fs::path(directory) / folder / (std::string(to_string(role)) + ".npy")).string();
}

std::vector<std::int64_t> shape_of(const Probe& probe, Role role) {
  const Heads& heads = probe.problem.heads;
  std::vector<std::int64_t> shape{probe.problem.batch.tokens(), head_count(heads, role)};
  if (role != Role::lse) shape.push_back(heads.dim);
  return shape;
}

Status make_folder(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (!code) return {};
  Error error = bad_input("cannot be made: " + code.message());
  error.file = path.string();
  return error;
}

Status write_run(const std::string& directory, const std::string& folder, const Probe& probe,
                 const Batch& batch, const Tensors& inputs) {
  HSAP_CHECK(make_folder(fs::path(directory) / folder));
  for (const Role role : {Role::q, Role::k, Role::v, Role::dout}) {
    HSAP_CHECK(write_file(path_of(directory, folder, role),
                          npy::text(npy::Element::f4, shape_of(probe, role), inputs[role].values),
                          true));
  }
  const std::vector<Token> starts = batch.cu_seqlens();
  const std::vector<double> values(starts.begin(), starts.end());
  const std::int64_t shape[] = {static_cast<std::int64_t>(values.size())};
  return write_file((fs::path(directory) / folder / "cu_seqlens.npy").string(),
                    npy::text(npy::Element::i4, shape, values), true);
}

json::Ordered probe_json(const Probe& probe) {
  const Heads& heads = probe.problem.heads;
  json::Ordered root;
  root["schema"] = "hsap.probe/1";
  root["documents"] = probe.problem.batch.lengths;
  root["mask"] = to_string(probe.problem.mask);
  root["heads"] = {{"query", heads.query}, {"key_value", heads.key_value}, {"dim", heads.dim}};
  root["seed"] = probe.seed;
  root["replaced"] = probe.replaced;
  root["order"] = probe.order;
  return root;
}

std::vector<int> integers(json::Object& root, const std::string& key, std::size_t most) {
  const auto values = root.integers(key, most, 0, static_cast<std::int64_t>(most_documents));
  return {values.begin(), values.end()};
}

/// What follows from other members must agree with them.
void check_members(json::Object& root, const Probe& probe) {
  const auto count = static_cast<int>(probe.problem.batch.documents());
  const auto known = [count](int document) { return document < count; };
  std::vector<bool> seen(probe.problem.batch.documents(), false);
  for (const int document : probe.order) {
    if (known(document)) seen[static_cast<std::size_t>(document)] = true;
  }
  const bool whole = std::accumulate(seen.begin(), seen.end(), 0) == count;
  if (!whole || probe.order.size() != seen.size()) {
    root.fail("order", "not an order of the documents", {}, "every document once");
  }
  if (!std::all_of(probe.replaced.begin(), probe.replaced.end(), known)) {
    root.fail("replaced", "no such document", {}, "numbers below " + std::to_string(count));
  }
  if (const Result<Model> heads = attention_model(probe.problem.heads); !heads) {
    root.fail("heads", heads.error().message, heads.error().found, heads.error().expected);
  }
}

Result<Probe> parse_probe(const json::Value& value, const std::string& file) {
  json::Object root(value, file);
  root.schema("hsap.probe/1");
  Probe probe;
  const auto lengths = root.integers("documents", most_documents, 1, Token{1} << 30);
  probe.problem.batch.lengths.assign(lengths.begin(), lengths.end());
  probe.problem.mask = root.parsed("mask", parse_mask);
  {
    json::Object heads = root.object("heads");
    probe.problem.heads = {static_cast<int>(heads.integer("query", 1, 4096)),
                           static_cast<int>(heads.integer("key_value", 1, 4096)),
                           static_cast<int>(heads.integer("dim", 8, 1024))};
    heads.done();
  }
  probe.seed =
      static_cast<std::uint64_t>(root.integer("seed", 0, std::numeric_limits<std::int64_t>::max()));
  probe.replaced = integers(root, "replaced", lengths.size());
  probe.order = integers(root, "order", lengths.size());
  if (!root.failed()) check_members(root, probe);
  HSAP_CHECK(root.finish());
  HSAP_CHECK(check(probe.problem.batch));
  return probe;
}

Result<Tensor> read_tensor(const std::string& path, const Probe& probe, Role role) {
  HSAP_TRY(npy::Array array, npy::read(path));
  const std::vector<std::int64_t> shape = shape_of(probe, role);
  if (array.shape != shape) {
    Error error = bad_input("another shape", npy::shape_text(array.shape), npy::shape_text(shape));
    error.file = path;
    return error;
  }
  Tensor tensor;
  tensor.tokens = static_cast<Token>(shape[0]);
  tensor.heads = static_cast<int>(shape[1]);
  tensor.width = role == Role::lse ? 1 : static_cast<int>(shape[2]);
  tensor.values = std::move(array.values);
  return tensor;
}

}  // namespace

std::string replaced_folder(int document) { return "perturbed-" + std::to_string(document); }

Status write_probe(const std::string& directory, const Probe& probe, bool force) {
  std::error_code code;
  if (!force && fs::exists(directory, code) && !fs::is_empty(directory, code)) {
    Error error = bad_input("folder exists", {}, "a new name, or --force to write into it");
    error.file = directory;
    return error;
  }
  const Tensors base = base_inputs(probe);
  const Batch& batch = probe.problem.batch;
  HSAP_CHECK(write_run(directory, base_folder, probe, batch, base));
  for (const int document : probe.replaced) {
    HSAP_CHECK(write_run(directory, replaced_folder(document), probe, batch,
                         replaced_inputs(probe, document)));
  }
  HSAP_CHECK(write_run(directory, permuted_folder, probe, permuted_problem(probe).batch,
                       permuted(probe, base)));
  return write_file((fs::path(directory) / "probe.json").string(), json_text(probe_json(probe)),
                    true);
}

Result<Probe> read_probe(const std::string& directory) {
  const std::string path = (fs::path(directory) / "probe.json").string();
  HSAP_TRY(const json::Value value, json::read(path));
  return parse_probe(value, path);
}

Result<Tensors> read_answers(const std::string& directory, const std::string& folder,
                             const Probe& probe, std::span<const Role> roles) {
  Tensors tensors;
  for (const Role role : roles) {
    HSAP_TRY(tensors[role], read_tensor(path_of(directory, folder, role), probe, role));
  }
  return tensors;
}

std::vector<Role> answered(const std::string& directory) {
  std::vector<Role> roles;
  std::error_code code;
  for (const Role role : results) {
    if (role == Role::o || fs::exists(path_of(directory, base_folder, role), code)) {
      roles.push_back(role);
    }
  }
  return roles;
}

}  // namespace hsap
