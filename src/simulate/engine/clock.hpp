#pragma once

namespace hsap {

/// When an operation ran; not yet while `end_s` is negative.
struct Period {
  double begin_s = 0;
  double end_s = -1;
};

/// Adds up how long a rank computes, communicates, and communicates without computing.
class RankClock {
 public:
  void kernel(double now, int change) {
    advance(now);
    kernels_ += change;
  }
  void communication(double now, int change) {
    advance(now);
    communications_ += change;
  }

  [[nodiscard]] bool computing() const { return kernels_ > 0; }
  [[nodiscard]] bool communicating() const { return communications_ > 0; }
  [[nodiscard]] double compute_s() const { return compute_s_; }
  [[nodiscard]] double communication_s() const { return communication_s_; }
  [[nodiscard]] double exposed_s() const { return exposed_s_; }
  /// Last change: the end of the last operation once all have run.
  [[nodiscard]] double last_s() const { return last_s_; }

 private:
  void advance(double now) {
    const double passed = now - last_s_;
    if (kernels_ > 0) compute_s_ += passed;
    if (communications_ > 0) communication_s_ += passed;
    if (communications_ > 0 && kernels_ == 0) exposed_s_ += passed;
    last_s_ = now;
  }

  int kernels_ = 0;
  int communications_ = 0;
  double last_s_ = 0;
  double compute_s_ = 0;
  double communication_s_ = 0;
  double exposed_s_ = 0;
};

}  // namespace hsap
