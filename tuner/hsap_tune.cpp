// hsap-tune: searches the strategies of a cluster for given data and writes the best as a plan.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "cli/flags.hpp"
#include "cli/inputs.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/program.hpp"
#include "cli/terminal.hpp"
#include "cli/trainings.hpp"
#include "export/json/text.hpp"
#include "export/plan/fingerprint.hpp"
#include "hsap/export.hpp"
#include "hsap/plan.hpp"
#include "hsap/trace.hpp"
#include "hsap/tune.hpp"
#include "tuner/make_plan.hpp"
#include "tuner/memo.hpp"
#include "tuner/report.hpp"
#include "tuner/search_json.hpp"
#include "tuner/trainings.hpp"
#include "tuner/why.hpp"

namespace hsap {
namespace {

struct Flags {
  cli::Options common;
  cli::TrainingOptions training;
  TuneOptions tune;
  std::optional<Target> trainer;
  std::string plan;
  bool embed_schedules = false;
};

/// Everything that is read before the search.
struct Question {
  cli::Scene scene;
  std::vector<Batch> batches;
  std::vector<Training> trainings;
  PlanFrame frame;  ///< but for the training
};

Result<Provenance> provenance(const cli::Options& options, std::span<const Batch> batches) {
  const struct {
    const char* what;
    const char* folder;
    const std::string& name;
  } files[] = {{"cluster", "topologies", options.cluster.cluster},
               {"model", "models", options.model.model},
               {"runtime", "runtimes", options.problem.runtime},
               {"trace", "traces", options.batches.trace}};
  Provenance out;
  out.version = cli::version();
  out.seed = options.batches.seed.value_or(SampleOptions{}.seed);
  for (const auto& file : files) {
    if (file.name.empty()) continue;
    HSAP_TRY(InputHash hash, hash_input(file.what, file.folder, file.name));
    out.inputs.push_back(std::move(hash));
  }
  out.inputs.push_back({"batches", options.batches.trace, fnv1a64(batches_text(batches))});
  return out;
}

Result<PlanFrame> frame_of(const cli::Options& options, const Setting& setting,
                           std::span<const Batch> batches) {
  PlanFrame frame;
  Token longest = 0;
  for (const Batch& batch : batches) longest = std::max(longest, batch.tokens());
  frame.problem = {setting.model,
                   setting.mask,
                   setting.dtype,
                   setting.passes,
                   options.batches.context.value_or(longest),
                   options.batches.trace,
                   {batches.begin(), batches.end()}};
  HSAP_TRY(std::vector<Override> overrides, cli::read_overrides(options.cluster.set));
  frame.cluster = {options.cluster.cluster, setting.cluster->nodes(),
                   setting.cluster->gpus(), setting.cluster->gpus_per_node(),
                   options.problem.runtime, std::move(overrides)};
  HSAP_TRY(frame.provenance, provenance(options, batches));
  return frame;
}

Result<Question> read_question(const Flags& flags) {
  const cli::Options& options = flags.common;
  Question question;
  HSAP_TRY(question.scene, cli::read_scene(options));
  HSAP_TRY(question.batches, cli::read_batches(options.batches));
  HSAP_TRY(
      question.trainings,
      cli::read_trainings(flags.training, *question.scene.cluster, question.scene.setting.model,
                          flags.trainer ? usual_training(*flags.trainer) : Training{}));
  HSAP_TRY(question.frame, frame_of(options, question.scene.setting, question.batches));
  return question;
}

/// Only what the trainer can be told is wanted.
TuneOptions options_of(const Flags& flags, const PlanFrame& frame, const Training& training) {
  TuneOptions options = flags.tune;
  if (!flags.trainer) return options;
  options.bf16_gradients = true;  // some send them so, the others do not want them
  const auto plan = std::make_shared<Plan>();
  plan->problem = frame.problem;
  plan->cluster = frame.cluster;
  plan->training = training;
  options.unwanted = [plan, trainer = *flags.trainer](const Strategy& strategy, int replicas) {
    plan->strategy = strategy;
    plan->replicas = replicas;
    const std::string note = export_plan(*plan, trainer).strategy_note;
    return note.empty() ? note : fmt::format("{} cannot do it: {}", to_string(trainer), note);
  };
  return options;
}

/// The text of -o.
Result<std::string> best_plan(const Flags& flags, const Search& search, PlanFrame frame) {
  Plan plan = make_plan(search, std::move(frame));
  if (flags.embed_schedules) HSAP_CHECK(embed_schedules(plan));
  std::string text = plan_text(plan);
  if (static_cast<std::int64_t>(text.size()) > max_plan_bytes) {
    return cli::at_flag(
        flags.embed_schedules ? "--embed-schedules" : "--batches",
        bad_input("the plan is too large to be read again", fmt::format("{} bytes", text.size()),
                  fmt::format("at most {}: fewer --batches", max_plan_bytes)));
  }
  return text;
}

Error nothing_feasible(const Setting& setting, std::span<const Attempt> attempts,
                       std::optional<Target> trainer) {
  std::string text = "no strategy is feasible:\n";
  if (attempts.size() > 1) {
    text += trainings_report(attempts, false);
  } else {
    const std::vector<std::string> reasons = frequent_reasons(*attempts[0].search, 5);
    text += fmt::format("  {}", fmt::join(reasons, "\n  "));
  }
  const bool shared = std::any_of(attempts.begin(), attempts.end(), [](const Attempt& attempt) {
    return attempt.training.expert_parallel > 1;
  });
  if (const std::string nearest =
          nearest_to_fit(attempts, setting, !trainer || *trainer == Target::deepspeed);
      !nearest.empty()) {
    text += (text.back() == '\n' ? "" : "\n") + nearest;
  }
  if (setting.model.experts > 0 && !shared) {
    text += "\n  all experts are on every rank; --expert-parallel all tries what shares them out";
  }
  return infeasible(std::move(text));
}

/// One search for each way to train. A way that the model does not allow is an error where it is
/// the only one.
Result<std::vector<Attempt>> search_all(const Flags& flags, const Question& question) {
  cli::Progress progress(!flags.common.output.quiet && cli::can_rewrite_line());
  std::vector<Attempt> attempts;
  AttentionMemo memo;
  for (const Training& training : question.trainings) {
    Setting setting = question.scene.setting;
    setting.training = training;
    const Status possible = cli::check_training(setting);
    const bool matters = question.trainings.size() == 1;
    if (!possible && (matters || possible.error().kind != ErrorKind::infeasible)) {
      Error mistake = possible.error();
      mistake.kind = ErrorKind::bad_input;
      return mistake;
    }
    Result<Search> search = tune(
        question.batches, setting, options_of(flags, question.frame, training),
        [&](std::size_t done, std::size_t total) { progress.report("predicting", done, total); },
        memo);
    if (!search && (matters || search.error().kind != ErrorKind::infeasible)) {
      return search.error();
    }
    attempts.push_back({training, {}, search ? "" : search.error().text()});
    if (search) attempts.back().search = *std::move(search);
  }
  progress.clear();
  return attempts;
}

/// The search that is told: the best one, or where nothing is feasible the first.
Search* told(std::vector<Attempt>& attempts, std::optional<std::size_t> best) {
  if (best) return &*attempts[*best].search;
  const auto first = std::find_if(attempts.begin(), attempts.end(), [](const Attempt& attempt) {
    return attempt.search.has_value();
  });
  return first == attempts.end() ? nullptr : &*first->search;
}

Status run(const Flags& flags) {
  const cli::OutputOptions& out = flags.common.output;
  const cli::OutputFile files[] = {{"-o", flags.plan}, {"--json", out.json}};
  HSAP_CHECK(cli::check_outputs(files, out.force));
  HSAP_TRY(Question question, read_question(flags));
  HSAP_TRY(std::vector<Attempt> attempts, search_all(flags, question));
  const std::optional<std::size_t> best = best_of(attempts);
  Search* search = told(attempts, best);
  if (search == nullptr) {
    return nothing_feasible(question.scene.setting, attempts, flags.trainer);
  }
  // Whatever can fail comes first, so that nothing is written then.
  std::string plan;
  if (best) {
    for (std::string& sentence : compare_trainings(attempts, *best)) {
      search->why.push_back(std::move(sentence));
    }
    question.frame.training = attempts[*best].training;
  }
  if (best && !flags.plan.empty()) {
    HSAP_TRY(plan, best_plan(flags, *search, std::move(question.frame)));
  }
  if (!out.json.empty()) {
    json::Ordered points = search_json(*search);
    points["trainings"] = trainings_json(attempts);
    HSAP_CHECK(cli::write_output(files[1], json_text(points), out.force));
  }
  const bool silent = out.quiet || cli::takes_stdout(files);
  if (best) HSAP_CHECK(cli::write_output(files[0], plan, out.force));
  if (!silent) {
    const bool color = cli::wants_color(out.color);
    const bool choice = best && attempts.size() > 1;
    HSAP_CHECK(cli::print_stdout((choice ? trainings_report(attempts, color) + "\n" : "") +
                                 search_report(*search, color)));
  }
  if (best) return {};
  return nothing_feasible(question.scene.setting, attempts, flags.trainer);
}

void add_flags(cli::Command& app, Flags& flags) {
  cli::add_cluster(app, flags.common.cluster);
  const cli::Flag model = cli::add_model(app, flags.common.model);
  cli::add_batches(app, flags.common.batches);
  cli::add_problem(app, flags.common.problem);
  cli::add_training(app, model, flags.training);
  app.add_option("-o,--output", flags.plan, "plan to write, or '-' for stdout").type_name("FILE|-");
  cli::add_parsed(
      app, "--to", flags.trainer, parse_target,
      "megatron|transformer-engine|yunchang|deepspeed|torchtitan",
      "only strategies that this trainer can be told, and training as it can be told unless given "
      "(hsap-plan export)");
  cli::add_integer(app, "--top", flags.tune.top, 0, 1000, "K", "runners-up to report (5)");
  app.add_flag("--exhaustive", flags.tune.exhaustive,
               "predict on every batch whatever may fit; the answer is the same");
  app.add_flag("--bf16-gradients", flags.tune.bf16_gradients,
               "also try partial dK and dV that travel in bf16");
  cli::add_parsed(
      app, "--memory-reserve", flags.tune.memory_reserve,
      [](const std::string& text) -> Result<double> {
        HSAP_TRY(const double share, parse_number(text, "share"));
        if (share >= 0 && share < 1) return share;
        return bad_input("share out of range", "'" + text + "'", "at least 0, below 1");
      },
      "SHARE", "share of device memory that the plan leaves free (0.06)");
  app.add_flag("--embed-schedules", flags.embed_schedules,
               "keep the compiled schedules of the batches in the plan");
  cli::add_output(app, flags.common.output);
  cli::add_threads(app, flags.common.output);
}

int run_program(int argc, char** argv) {
  cli::Command app("hsap-tune", "search the best way to train on long packed sequences");
  Flags flags;
  add_flags(app, flags);
  return cli::run_main(app, argc, argv, [&] {
    flags.tune.threads = flags.common.output.threads;
    return run(flags);
  });
}

}  // namespace
}  // namespace hsap

int main(int argc, char** argv) {
  return hsap::cli::guard([&] { return hsap::run_program(argc, argv); });
}
