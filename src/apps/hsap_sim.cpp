#include <string>
#include <vector>

#include "apps/sim/report.hpp"
#include "apps/sim/run.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/inputs.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/program.hpp"
#include "cli/strategies.hpp"
#include "export/json/prediction.hpp"
#include "export/json/strategy.hpp"
#include "export/json/text.hpp"

namespace hsap {
namespace {

void add_flags(cli::Command& app, cli::Options& options) {
  cli::add_cluster(app, options.cluster);
  const cli::Flag model = cli::add_model(app, options.model);
  cli::add_batches(app, options.batches);
  cli::add_problem(app, options.problem);
  cli::add_strategy(app, options.strategy);
  cli::add_training(app, model, options.training);
  cli::add_output(app, options.output);
  cli::add_timeline(app, options.output);
  cli::add_threads(app, options.output);
}

/// What the flags ask for, read and checked.
struct Question {
  cli::Scene scene;
  std::vector<Batch> batches;
  std::vector<Strategy> strategies;
  bool sweep = false;
};

Result<Question> read_question(const cli::Options& options) {
  Question question;
  question.sweep = cli::is_sweep(options.strategy);
  if (question.sweep && !options.output.timeline.empty()) {
    return bad_input("--timeline shows one strategy", "a sweep",
                     "no list among the strategy flags");
  }
  HSAP_TRY(question.scene, cli::read_scene(options));
  HSAP_TRY(question.batches, cli::read_batches(options.batches));
  const Cluster& cluster = *question.scene.cluster;
  const Training& training = options.training;
  HSAP_TRY(
      question.strategies,
      cli::read_strategies(options.strategy, {cluster.gpus() / training.pipeline_parallel,
                                              cluster.gpus_per_node(), training.tensor_parallel}));
  return question;
}

/// A single strategy that is not possible is a mistake in the flags; a sweep answers "no" only
/// when nothing in it is possible.
Status check_legal(const std::vector<SimRun>& runs, bool sweep) {
  for (const SimRun& run : runs) {
    if (!run.illegal) return {};
  }
  if (sweep) return infeasible("no strategy of the sweep is possible: " + *runs.front().illegal);
  return bad_input("the strategy is not possible: " + *runs.front().illegal,
                   to_string(runs.front().strategy));
}

json::Ordered json_of(const std::vector<SimRun>& runs, const Question& question) {
  const Cluster& cluster = *question.scene.cluster;
  if (!question.sweep)
    return prediction_json(runs.front().prediction, cluster, runs.front().wall_s);
  json::Ordered predictions = json::Ordered::array();
  for (const SimRun* run : by_time(runs, cluster.spec().device.memory_bytes)) {
    predictions.push_back(prediction_json(run->prediction, cluster, run->wall_s));
  }
  json::Ordered illegal = json::Ordered::array();
  for (const SimRun& run : runs) {
    if (run.illegal) {
      illegal.push_back({{"strategy", to_json(run.strategy)}, {"reason", *run.illegal}});
    }
  }
  return {{"schema", "hsap.sweep/1"}, {"predictions", predictions}, {"illegal", illegal}};
}

std::string report(const SimRuns& answer, const Question& question, bool color) {
  const Setting& setting = question.scene.setting;
  return question.sweep ? report_sweep(answer.runs, setting, answer.wall_s, color)
                        : report_one(answer.runs.front(), setting, color);
}

Status run(const cli::Options& options) {
  const cli::OutputOptions& output = options.output;
  const cli::OutputFile files[] = {{"--json", output.json}, {"--timeline", output.timeline}};
  HSAP_CHECK(cli::check_outputs(files, output.force));
  HSAP_TRY(const Question question, read_question(options));

  cli::Progress progress(!output.quiet && cli::can_rewrite_line());
  HSAP_TRY(const SimRuns answer, run_all(question.strategies, question.batches,
                                         question.scene.setting, output.threads, progress));
  HSAP_CHECK(check_legal(answer.runs, question.sweep));

  std::string trace;
  if (!output.timeline.empty()) {
    HSAP_TRY(trace, trace_of(question.batches.front(), answer.runs.front().strategy,
                             question.scene.setting));
  }
  HSAP_CHECK(cli::write_output(files[0], json_text(json_of(answer.runs, question)), output.force));
  HSAP_CHECK(cli::write_output(files[1], trace, output.force));
  if (output.quiet || cli::takes_stdout(files)) return {};
  return cli::print_stdout(report(answer, question, cli::wants_color(output.color)));
}

int run_program(int argc, char** argv) {
  cli::Options options;
  cli::Command app("hsap-sim",
                   "Predicts the time and memory of sequence-parallel attention for one strategy, "
                   "or for each of a sweep.");
  add_flags(app, options);
  return cli::run_main(app, argc, argv, [&] { return run(options); });
}

}  // namespace
}  // namespace hsap

int main(int argc, char** argv) {
  return hsap::cli::guard([&] { return hsap::run_program(argc, argv); });
}
