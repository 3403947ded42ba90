#include "simulate/training/pipeline.hpp"

#include <algorithm>

#include "unit/simulate/support.hpp"
#include "workload/random.hpp"

using namespace hsap;
using namespace hsap::testing;

namespace {

Pipeline pipeline(int layers, int stages, int virtual_stages) {
  Model model;
  model.layers = layers;
  return *pipeline_of(model, stages, virtual_stages);
}

StepParts parts(double forward, double backward, double message = 0) {
  StepParts parts;
  parts.layer_forward_s = forward;
  parts.layer_backward_s = backward;
  parts.message_s = message;
  return parts;
}

double seconds(const std::vector<StepParts>& batches, const Pipeline& pipeline) {
  std::vector<const StepParts*> pointers;
  for (const StepParts& batch : batches) pointers.push_back(&batch);
  return pipeline_seconds(pointers, pipeline);
}

struct PiecePass {
  bool forward = true;
  int piece = 0;
  int batch = 0;
  double begin = 0;
};

/// Megatron's loops, written out: the passes of one stage in their order.
std::vector<PiecePass> program_of(int stage, int batches, const Pipeline& pipeline) {
  const int stages = pipeline.stages;
  const int chunks = pipeline.pieces() / stages;
  std::vector<PiecePass> forward;
  std::vector<PiecePass> backward;
  for (int first = 0; first<batches; first += chunks> 1 ? stages : batches) {
    const int end = chunks > 1 ? first + stages : batches;
    for (int chunk = 0; chunk < chunks; ++chunk) {
      for (int batch = first; batch < end; ++batch) {
        forward.push_back({true, chunk * stages + stage, batch});
        backward.push_back({false, (chunks - 1 - chunk) * stages + stage, batch});
      }
    }
  }
  const int ahead =
      chunks > 1 ? 2 * (stages - stage - 1) + (chunks - 1) * stages : stages - stage - 1;
  const auto warm = std::min(static_cast<std::size_t>(ahead), forward.size());
  std::vector<PiecePass> program(forward.begin(),
                                 forward.begin() + static_cast<std::ptrdiff_t>(warm));
  for (std::size_t i = warm; i < forward.size(); ++i) {
    program.push_back(forward[i]);
    program.push_back(backward[i - warm]);
  }
  program.insert(program.end(), backward.end() - static_cast<std::ptrdiff_t>(warm), backward.end());
  return program;
}

/// The earliest begins that satisfy every order and message, by relaxation.
class Relaxation {
 public:
  Relaxation(const std::vector<StepParts>& batches, const Pipeline& pipeline)
      : batches_(batches), pipeline_(pipeline) {
    for (int stage = 0; stage < pipeline.stages; ++stage) {
      programs_.push_back(program_of(stage, static_cast<int>(batches.size()), pipeline));
    }
  }

  double seconds() {
    for (bool changed = true; changed;) {
      changed = false;
      for (auto& program : programs_) {
        double free = 0;
        for (PiecePass& pass : program) {
          const double begin = std::max(free, ready(pass));
          changed = changed || begin > pass.begin;
          pass.begin = begin;
          free = end(pass);
        }
      }
    }
    double last = 0;
    for (const auto& program : programs_) last = std::max(last, end(program.back()));
    return last;
  }

 private:
  double end(const PiecePass& pass) const {
    const StepParts& batch = batches_[static_cast<std::size_t>(pass.batch)];
    double seconds = pipeline_.layers[static_cast<std::size_t>(pass.piece)] *
                     (pass.forward ? batch.layer_forward_s : batch.layer_backward_s);
    if (pass.piece == 0) {
      seconds += pass.forward ? batch.embedding_forward_s : batch.embedding_backward_s;
    }
    if (pass.piece == pipeline_.pieces() - 1) {
      seconds += pass.forward ? batch.loss_forward_s : batch.loss_backward_s;
    }
    return pass.begin + seconds;
  }
  double end_of(bool forward, int piece, int batch) const {
    for (const PiecePass& pass : programs_[static_cast<std::size_t>(piece % pipeline_.stages)]) {
      if (pass.forward == forward && pass.piece == piece && pass.batch == batch) return end(pass);
    }
    FAIL("no such pass");
    return 0;
  }
  double ready(const PiecePass& pass) const {
    const double message = batches_[static_cast<std::size_t>(pass.batch)].message_s;
    if (pass.forward) {
      return pass.piece == 0 ? 0 : end_of(true, pass.piece - 1, pass.batch) + message;
    }
    if (pass.piece == pipeline_.pieces() - 1) return end_of(true, pass.piece, pass.batch);
    return end_of(false, pass.piece + 1, pass.batch) + message;
  }

  const std::vector<StepParts>& batches_;
  const Pipeline& pipeline_;
  std::vector<std::vector<PiecePass>> programs_;
};

}  // namespace

TEST_CASE("1F1B: as many rounds as batches, and one less than there are stages") {
  // arXiv 2104.04473, section 2.2.1: the bubble is (p - 1) (t_f + t_b).
  for (const int stages : {1, 2, 4, 8}) {
    for (const int batches : {1, 3, 8, 20}) {
      INFO(stages << " stages, " << batches << " batches");
      const std::vector<StepParts> equal(static_cast<std::size_t>(batches), parts(1, 2));
      CHECK(seconds(equal, pipeline(16, stages, 1)) ==
            Approx(3.0 * 16 / stages * (batches + stages - 1)));
    }
  }
}

TEST_CASE("interleaved stages: the bubble is as many times shorter as a stage has pieces") {
  // Section 2.2.2: (p - 1) (t_f + t_b) / v.
  for (const int stages : {2, 4}) {
    for (const int pieces : {2, 4}) {
      for (const int rounds : {1, 2, 5}) {
        INFO(stages << " stages of " << pieces << ", " << rounds << " rounds");
        const int batches = stages * rounds;
        const std::vector<StepParts> equal(static_cast<std::size_t>(batches), parts(1, 2));
        const double stage_s = 3.0 * 16 / stages;
        CHECK(seconds(equal, pipeline(16, stages, pieces)) ==
              Approx(stage_s * batches + stage_s * (stages - 1) / pieces));
      }
    }
  }
}

TEST_CASE("a message is waited for where it is on the way to the last stage and back") {
  // One batch over three stages: four messages.
  CHECK(seconds({parts(1, 2, 0.5)}, pipeline(3, 3, 1)) == Approx(3 * 3 + 4 * 0.5));
  CHECK(seconds({parts(1, 2, 0.5)}, pipeline(3, 1, 1)) == Approx(9));
}

TEST_CASE("the embedding and the loss are of the first and the last stage") {
  StepParts batch = parts(1, 2);
  batch.embedding_forward_s = 10;
  batch.embedding_backward_s = 20;
  batch.loss_forward_s = 100;
  batch.loss_backward_s = 200;
  const Pipeline two = pipeline(4, 2, 1);
  CHECK(stage_seconds(batch, two, 0) == Approx(6 + 30));
  CHECK(stage_seconds(batch, two, 1) == Approx(6 + 300));
  // The last stage is never idle once it has begun, after 12 s, until the first has the end left.
  const std::vector<StepParts> equal(10, batch);
  CHECK(seconds(equal, two) == Approx(12 + 10 * 306 + 24));
}

TEST_CASE("pipelines of unequal batches, against every order and message relaxed") {
  Random random(5);
  const auto draw = [&] { return 0.1 + random.unit(); };
  for (int i = 0; i < 60; ++i) {
    const int stages = static_cast<int>(random.between(1, 5));
    const int pieces = stages == 1 ? 1 : static_cast<int>(random.between(1, 3));
    const int rounds = static_cast<int>(random.between(1, 4));
    const Pipeline of =
        pipeline(stages * pieces * static_cast<int>(random.between(1, 3)), stages, pieces);
    std::vector<StepParts> batches;
    for (int b = 0; b < stages * rounds; ++b) {
      batches.push_back({draw(), draw(), draw(), draw(), draw(), draw(), draw() / 4, 0});
    }
    const double now = seconds(batches, of);
    CHECK(now == Approx(Relaxation(batches, of).seconds()));
    // No batch that takes longer makes it less.
    StepParts& longer = batches[random.below(batches.size())];
    (random.below(2) == 0 ? longer.layer_forward_s : longer.layer_backward_s) += draw();
    CHECK(seconds(batches, of) >= now);
  }
}

TEST_CASE("many equal batches take as long as one after the other") {
  Random random(6);
  for (const int pieces : {1, 3}) {
    const Pipeline of = pipeline(12, 4, pieces);
    StepParts batch = parts(1 + random.unit(), 2 + random.unit(), random.unit());
    batch.loss_forward_s = random.unit();
    batch.embedding_backward_s = random.unit();
    for (const int count : {4, 20, 24, 100, 200}) {
      INFO(count << " batches, " << pieces << " pieces");
      const std::vector<StepParts> equal(static_cast<std::size_t>(count), batch);
      CHECK(pipeline_seconds(batch, count, of) == Approx(seconds(equal, of)));
    }
  }
}

TEST_CASE("no stage is further ahead than its warm-up") {
  for (const int pieces : {1, 2, 3}) {
    const Pipeline of = pipeline(24, 4, pieces);
    for (int stage = 0; stage < 4; ++stage) {
      for (const int batches : {4, 8, 16}) {
        int ahead = 0;
        int most = 0;
        for (const PiecePass& pass : program_of(stage, batches, of)) {
          ahead += pass.forward ? 1 : -1;
          most = std::max(most, ahead);
        }
        CHECK(most == std::min(batches * pieces, warm_up(stage, batches, of) + 1));
      }
    }
  }
}
