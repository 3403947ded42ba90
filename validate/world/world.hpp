#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "validate/world/control.hpp"
#include "validate/world/meet.hpp"
#include "validate/world/place.hpp"

namespace hsap::world {

/// The processes of a run, one for each rank. All call the same steps (broadcast, gather, barrier,
/// agree, finish) in the same order, each from one thread. A step that has to wait fails once a
/// rank is lost or has failed, and when it takes longer than its time limit (Limits::step_s unless
/// given): the error (infeasible) says which rank and why.
class World {
 public:
  /// Bytes that a broadcast or one rank of a gather may carry.
  static constexpr std::size_t most_bytes = std::size_t{1} << 20;

  /// Meets the others; see meet() for the errors.
  [[nodiscard]] static Result<World> join(const Place& place, const Hello& hello,
                                          const Limits& limits = {});
  /// Leaves. Without finish() the others take this rank for lost, unless it has failed.
  ~World() = default;
  World(World&&) = default;
  World& operator=(World&&) = default;

  [[nodiscard]] int rank() const { return control_->rank(); }
  [[nodiscard]] int size() const { return static_cast<int>(members().size()); }
  [[nodiscard]] const std::vector<Member>& members() const { return control_->members(); }

  /// The bytes of rank 0, such as the id of a communicator. Those of the others are not looked at.
  [[nodiscard]] Result<std::string> broadcast(const std::string& bytes,
                                              std::optional<double> limit_s = {});
  /// The bytes of all, by rank, at rank 0; nothing at the others, which do not wait.
  [[nodiscard]] Result<std::vector<std::string>> gather(const std::string& bytes,
                                                        std::optional<double> limit_s = {});
  [[nodiscard]] Status barrier(std::optional<double> limit_s = {});
  /// Every process says how it fared; all fail when one did, with who said what.
  [[nodiscard]] Status agree(const Status& own, std::optional<double> limit_s = {});

  /// Tells the others that this rank cannot go on: "waits in operation 17 for rank 2".
  void fail(const std::string& report) { control_->fail(report); }
  /// The first rank that was lost or failed, be it this one.
  [[nodiscard]] std::optional<Loss> lost() const;
  /// All that is known so far, at most one of each rank.
  [[nodiscard]] std::vector<Loss> losses() const { return control_->losses(); }
  /// Called once in every process at the first loss, on a thread of its own; at once if that has
  /// been. Nothing is called any more once on_loss({}) returns.
  void on_loss(std::function<void(const Loss&)> callback) {
    control_->on_loss(std::move(callback));
  }
  /// After a loss: waits, at most so long, until each of the others has failed or left, and returns
  /// all losses. For rank 0, which hears everyone.
  [[nodiscard]] std::vector<Loss> last_words(double limit_s) {
    return control_->last_words(limit_s);
  }

  /// Waits until all have finished and leaves.
  [[nodiscard]] Status finish(std::optional<double> limit_s = {});

 private:
  explicit World(std::unique_ptr<Control> control) : control_(std::move(control)) {}
  [[nodiscard]] double limit(std::optional<double> limit_s) const {
    return limit_s.value_or(control_->limits().step_s);
  }
  [[nodiscard]] Result<std::string> receive(int from, Step step, double limit_s,
                                            Clock::time_point deadline);
  [[nodiscard]] Result<std::vector<std::string>> collect(Step step, const std::string& bytes,
                                                         double limit_s);
  [[nodiscard]] Result<std::string> spread(Step step, const std::string& bytes, double limit_s);

  std::unique_ptr<Control> control_;
  std::uint32_t step_ = 0;
};

}  // namespace hsap::world
