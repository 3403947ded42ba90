#include "simulate/training/pipeline.hpp"

#include <algorithm>
#include <cassert>
#include <vector>

namespace hsap {
namespace {

/// Runs the passes of all stages, each in its fixed order and as early as its inputs allow.
class Run {
 public:
  Run(std::span<const StepParts* const> batches, const Pipeline& pipeline)
      : batches_(batches),
        pipeline_(pipeline),
        count_(static_cast<int>(batches.size())),
        chunks_(pipeline.pieces() / pipeline.stages),
        forward_(batches.size() * pipeline.layers.size(), not_done),
        backward_(forward_),
        stages_(static_cast<std::size_t>(pipeline.stages)) {
    assert(chunks_ == 1 || count_ % pipeline.stages == 0);
  }

  double seconds() {
    const std::size_t passes = 2 * forward_.size();
    for (std::size_t done = 0; done < passes;) {
      for (int stage = 0; stage < pipeline_.stages; ++stage) {
        while (run_next(stage)) ++done;
      }
    }
    double last = 0;
    for (const Stage& stage : stages_) last = std::max(last, stage.free_s);
    return last;
  }

 private:
  static constexpr double not_done = -1;

  struct Stage {
    double free_s = 0;
    int forwards = 0;
    int backwards = 0;
  };

  /// One pass of one piece.
  struct Place {
    int piece = 0;
    int batch = 0;
  };

  /// The `step`-th pass of a stage in one direction: rounds of as many batches as there are
  /// stages, each through all pieces before the next round begins.
  [[nodiscard]] Place place(int stage, int step, bool forward) const {
    if (chunks_ == 1) return {stage, step};
    const int round = pipeline_.stages * chunks_;
    const int chunk = step % round / pipeline_.stages;
    return {(forward ? chunk : chunks_ - 1 - chunk) * pipeline_.stages + stage,
            step / round * pipeline_.stages + step % pipeline_.stages};
  }

  [[nodiscard]] double& at(std::vector<double>& done, const Place& place) const {
    return done[static_cast<std::size_t>(place.piece) * batches_.size() +
                static_cast<std::size_t>(place.batch)];
  }

  /// Runs the next pass of the stage if its input is there.
  bool run_next(int index) {
    Stage& stage = stages_[static_cast<std::size_t>(index)];
    const int all = count_ * chunks_;
    const int ahead = stage.forwards - stage.backwards;
    const bool forward = stage.forwards < all && ahead <= warm_up(index, count_, pipeline_);
    if (!forward && stage.backwards == all) return false;
    const Place next = place(index, forward ? stage.forwards : stage.backwards, forward);
    const double ready = forward ? forward_input(next) : backward_input(next);
    if (ready == not_done) return false;
    stage.free_s = std::max(stage.free_s, ready) + duration(next, forward);
    at(forward ? forward_ : backward_, next) = stage.free_s;
    ++(forward ? stage.forwards : stage.backwards);
    return true;
  }

  double arrival(double sent, int batch) const {
    if (sent == not_done || pipeline_.stages == 1) return sent;
    return sent + batches_[static_cast<std::size_t>(batch)]->message_s;
  }
  double forward_input(const Place& next) {
    if (next.piece == 0) return 0;
    return arrival(at(forward_, {next.piece - 1, next.batch}), next.batch);
  }
  double backward_input(const Place& next) {
    if (next.piece + 1 == pipeline_.pieces()) return at(forward_, next);
    return arrival(at(backward_, {next.piece + 1, next.batch}), next.batch);
  }

  [[nodiscard]] double duration(const Place& place, bool forward) const {
    const StepParts& parts = *batches_[static_cast<std::size_t>(place.batch)];
    const double layers = pipeline_.layers[static_cast<std::size_t>(place.piece)];
    double seconds = layers * (forward ? parts.layer_forward_s : parts.layer_backward_s);
    if (place.piece == 0) {
      seconds += forward ? parts.embedding_forward_s : parts.embedding_backward_s;
    }
    if (place.piece + 1 == pipeline_.pieces()) {
      seconds += forward ? parts.loss_forward_s : parts.loss_backward_s;
    }
    return seconds;
  }

  std::span<const StepParts* const> batches_;
  const Pipeline& pipeline_;
  int count_;
  int chunks_;
  std::vector<double> forward_;  ///< when a pass ends, by piece and batch
  std::vector<double> backward_;
  std::vector<Stage> stages_;
};

}  // namespace

int warm_up(int stage, int batches, const Pipeline& pipeline) {
  const int behind = pipeline.stages - 1 - stage;
  const int chunks = pipeline.pieces() / pipeline.stages;
  if (chunks == 1) return std::min(batches, behind);
  return std::min(batches * chunks, 2 * behind + (chunks - 1) * pipeline.stages);
}

double stage_seconds(const StepParts& batch, const Pipeline& pipeline, int stage) {
  double seconds = pipeline.layers_of(stage) * (batch.layer_forward_s + batch.layer_backward_s);
  if (stage == 0) seconds += batch.embedding_forward_s + batch.embedding_backward_s;
  if (stage + 1 == pipeline.stages) seconds += batch.loss_forward_s + batch.loss_backward_s;
  return seconds;
}

double pipeline_seconds(std::span<const StepParts* const> batches, const Pipeline& pipeline) {
  return Run(batches, pipeline).seconds();
}

double pipeline_seconds(const StepParts& batch, int count, const Pipeline& pipeline) {
  const auto seconds = [&](int batches) {
    const std::vector<const StepParts*> equal(static_cast<std::size_t>(batches), &batch);
    return pipeline_seconds(equal, pipeline);
  };
  const int some = 4 * pipeline.stages;
  const int more = some + pipeline.stages;
  if (count <= more) return seconds(count);
  const double now = seconds(more);
  return now + (now - seconds(some)) / pipeline.stages * (count - more);
}

}  // namespace hsap
