#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "base/json.hpp"
#include "base/printable.hpp"
#include "c_api/handles.hpp"
#include "export/json/strategy.hpp"
#include "export/json/text.hpp"
#include "export/option_names.hpp"
#include "hsap/batch.hpp"
#include "hsap/c_api.h"
#include "hsap/compile.hpp"
#include "hsap/mask.hpp"
#include "hsap/plan.hpp"
#include "hsap/verify.hpp"

namespace hsap {
namespace {

int32_t code_of(ErrorKind kind) {
  if (kind == ErrorKind::bad_input) return HSAP_BAD_INPUT;
  return kind == ErrorKind::infeasible ? HSAP_INFEASIBLE : HSAP_INTERNAL;
}

void leave(hsap_error** error, int32_t kind, const std::string& text) {
  if (error != nullptr) *error = new (std::nothrow) hsap_error{kind, one_line(text)};
}

/// Runs `work`, which answers a Result: its value, or nothing and the error. Libraries below may
/// throw (no memory); nothing leaves through C.
template <typename Work>
auto guarded(hsap_error** error, const Work& work) -> std::remove_reference_t<decltype(*work())> {
  if (error != nullptr) *error = nullptr;
  try {
    auto result = work();
    if (result) return *std::move(result);
    leave(error, code_of(result.error().kind), result.error().text());
  } catch (const std::exception& exception) {
    leave(error, HSAP_INTERNAL, exception.what());
  }
  return {};
}

std::string planner_text(const Problem& problem, const Strategy& strategy) {
  json::Ordered out;
  out["heads"] = problem.heads.query;
  out["kv_heads"] = problem.heads.key_value;
  out["head_dim"] = problem.heads.dim;
  out["mask"] = to_string(problem.mask);
  if (problem.balanced_by) out["balanced_by"] = to_string(*problem.balanced_by);
  out["dtype"] = to_string(problem.dtype);
  out["strategy"] = to_json(strategy);
  return json_text(out);
}

std::unique_ptr<hsap_planner> make_planner(Problem problem, const Strategy& strategy) {
  std::string text = planner_text(problem, strategy);
  return std::make_unique<hsap_planner>(
      hsap_planner{std::move(problem), strategy, std::move(text)});
}

Result<std::unique_ptr<hsap_planner>> read_planner(const char* path, bool window) {
  if (path == nullptr) return bad_input("no path of a plan", "NULL");
  HSAP_TRY(const Plan plan, read_plan(path));
  if (window && !has_window(plan)) {
    Error error =
        bad_input("no layer has a window", masks_text(plan.problem.model, plan.problem.mask),
                  "layers that differ in their mask");
    error.file = path;
    return error;
  }
  Problem problem = problem_of(plan, 0, window);
  problem.batch = {};
  return make_planner(std::move(problem), plan.strategy);
}

Result<std::unique_ptr<hsap_planner>> parse_planner(const char* text) {
  constexpr int most = 4096;
  if (text == nullptr) return bad_input("no text", "NULL");
  HSAP_TRY(const json::Value value, json::parse(text, "planner"));
  Problem problem;
  Strategy strategy;
  json::Object root(value, "planner");
  problem.heads.query = static_cast<int>(root.integer("heads", 1, most));
  problem.heads.key_value =
      static_cast<int>(root.integer_or("kv_heads", problem.heads.query, 1, most));
  problem.heads.dim = static_cast<int>(root.integer("head_dim", 1, most));
  problem.mask = root.parsed_or("mask", parse_mask, problem.mask);
  if (root.has("balanced_by")) problem.balanced_by = root.parsed("balanced_by", parse_mask);
  problem.dtype = root.parsed_or("dtype", parse_dtype, problem.dtype);
  {
    json::Object object = root.object("strategy");
    strategy = read_strategy(object);
    object.done();
  }
  HSAP_CHECK(root.finish());
  HSAP_TRY(const Model model, attention_model(problem.heads));
  problem.heads = model.heads;
  return make_planner(std::move(problem), strategy);
}

Result<Batch> batch_of(const int64_t* cu_seqlens, size_t count) {
  constexpr const char* form = "0, then the end of each document";
  if (cu_seqlens == nullptr || count < 2) {
    return bad_input("cu_seqlens hold no document",
                     fmt::format("{} numbers", cu_seqlens == nullptr ? 0 : count), form);
  }
  if (cu_seqlens[0] != 0) {
    return bad_input("cu_seqlens do not start with 0", std::to_string(cu_seqlens[0]), form);
  }
  if (count - 1 > static_cast<size_t>(max_tokens)) {
    return bad_input("too many documents", std::to_string(count - 1));
  }
  Batch batch;
  batch.lengths.reserve(count - 1);
  for (size_t i = 1; i < count; ++i) {
    if (cu_seqlens[i] < cu_seqlens[i - 1]) {
      return bad_input(
          "cu_seqlens descend",
          fmt::format("{} after {} at position {}", cu_seqlens[i], cu_seqlens[i - 1], i),
          "ascending numbers");
    }
    if (cu_seqlens[i] > max_tokens) {
      return bad_input("cu_seqlens are too large",
                       fmt::format("{} at position {}", cu_seqlens[i], i),
                       fmt::format("at most {}", max_tokens));
    }
    // Documents without tokens: trainers fill cu_seqlens up to a length that is always the same.
    if (cu_seqlens[i] == cu_seqlens[i - 1]) continue;
    batch.lengths.push_back(static_cast<Token>(cu_seqlens[i] - cu_seqlens[i - 1]));
  }
  HSAP_CHECK(check(batch));
  return batch;
}

Result<int32_t> proved(const hsap_schedule& each) {
  if (const auto finding = verify(each.schedule, each.problem)) return infeasible(finding->text());
  return 1;
}

Result<int32_t> proved(const hsap_schedule& forward, const hsap_schedule& backward) {
  HSAP_CHECK(proved(forward));
  HSAP_CHECK(proved(backward));
  const auto facts = [](const Problem& problem) {
    return std::tie(problem.batch, problem.mask, problem.heads, problem.dtype);
  };
  if (facts(forward.problem) != facts(backward.problem)) {
    return infeasible("the passes are not of one batch, mask, heads and dtype");
  }
  const auto finding = check_saved(forward.schedule, backward.schedule);
  if (finding) return infeasible(finding->text());
  return 1;
}

Result<std::int64_t> pairs_of(const hsap_planner* planner, const int64_t* cu_seqlens,
                              size_t count) {
  if (planner == nullptr) return bad_input("no planner", "NULL");
  HSAP_TRY(const Batch batch, batch_of(cu_seqlens, count));
  return area(planner->problem.mask, batch);
}

Result<int32_t> deal_to(std::span<const double> work, const DealOptions& options, uint32_t* order) {
  if (order == nullptr || (work.data() == nullptr && !work.empty())) {
    return bad_input("no work to deal out, or nowhere to put it", "NULL");
  }
  HSAP_TRY(const std::vector<std::uint32_t> dealt, deal(work, options));
  std::copy(dealt.begin(), dealt.end(), order);
  return 1;
}

Result<std::unique_ptr<hsap_schedule>> compile_batch(const hsap_planner* planner,
                                                     const int64_t* cu_seqlens, size_t count,
                                                     bool backward) {
  if (planner == nullptr) return bad_input("no planner", "NULL");
  auto made = std::make_unique<hsap_schedule>();
  made->problem = planner->problem;
  HSAP_TRY(made->problem.batch, batch_of(cu_seqlens, count));
  const Pass pass = backward ? Pass::backward : Pass::forward;
  HSAP_TRY(made->schedule, compile(made->problem, planner->strategy, pass));
  return made;
}

}  // namespace
}  // namespace hsap

extern "C" {

int32_t hsap_abi(void) { return HSAP_ABI; }
const char* hsap_version(void) { return HSAP_VERSION; }

int32_t hsap_error_kind(const hsap_error* error) { return error->kind; }
const char* hsap_error_text(const hsap_error* error) { return error->text.c_str(); }
void hsap_error_free(hsap_error* error) { delete error; }

hsap_planner* hsap_planner_read(const char* path, hsap_error** error) {
  return hsap::guarded(error, [&] { return hsap::read_planner(path, false); }).release();
}
hsap_planner* hsap_planner_read_window(const char* path, hsap_error** error) {
  return hsap::guarded(error, [&] { return hsap::read_planner(path, true); }).release();
}
hsap_planner* hsap_planner_parse(const char* json, hsap_error** error) {
  return hsap::guarded(error, [&] { return hsap::parse_planner(json); }).release();
}
const char* hsap_planner_json(const hsap_planner* planner) { return planner->text.c_str(); }
void hsap_planner_free(hsap_planner* planner) { delete planner; }

hsap_schedule* hsap_compile(const hsap_planner* planner, const int64_t* cu_seqlens, size_t count,
                            int32_t backward, hsap_error** error) {
  return hsap::guarded(
             error, [&] { return hsap::compile_batch(planner, cu_seqlens, count, backward != 0); })
      .release();
}

int32_t hsap_verify(const hsap_schedule* schedule, hsap_error** error) {
  return hsap::guarded(error, [&] { return hsap::proved(*schedule); });
}

int32_t hsap_verify_both(const hsap_schedule* forward, const hsap_schedule* backward,
                         hsap_error** error) {
  return hsap::guarded(error, [&] { return hsap::proved(*forward, *backward); });
}

void hsap_schedule_free(hsap_schedule* schedule) { delete schedule; }

int64_t hsap_pairs(const hsap_planner* planner, const int64_t* cu_seqlens, size_t count,
                   hsap_error** error) {
  return hsap::guarded(error, [&] { return hsap::pairs_of(planner, cu_seqlens, count); });
}

int32_t hsap_deal(const double* work, size_t count, int32_t replicas, int32_t accumulation,
                  int32_t together, uint32_t* order, hsap_error** error) {
  return hsap::guarded(error, [&] {
    return hsap::deal_to({work, count}, {replicas, accumulation, together}, order);
  });
}

}  // extern "C"
