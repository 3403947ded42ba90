#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "validate/world/meet.hpp"

namespace hsap::world {

/// A rank with which a run cannot go on.
struct Loss {
  int rank = 0;
  bool failed = false;  ///< `why` are its own words; otherwise what others noticed
  std::string why;

  [[nodiscard]] std::string text() const;
};
[[nodiscard]] Frame to_frame(const Loss& loss);

/// What a process does together with the others.
enum class Step : std::uint32_t { broadcast, gather, barrier, finish };
[[nodiscard]] const char* to_string(Step step);

/// The connections of a process while a run lasts, and the thread that looks after them: it alone
/// reads and writes. Rank 0 is connected to all others and passes on what they have to know.
class Control {
 public:
  using Callback = std::function<void(const Loss&)>;

  Control(int rank, Meeting meeting, const Limits& limits);
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] const std::vector<Member>& members() const { return members_; }
  [[nodiscard]] const Limits& limits() const { return limits_; }

  /// Sends a part of a step to one rank that this one is connected to.
  void send(int to, Step step, std::uint32_t number, const std::string& bytes);
  /// What that rank sent for the step. Errors (infeasible): a loss; it did not come until then.
  [[nodiscard]] Result<std::string> receive(int from, Step step, std::uint32_t number,
                                            Clock::time_point deadline, double limit_s);
  /// Says that this process is done and waits until all are. Ends the thread.
  [[nodiscard]] Status finish(double limit_s);

  void fail(const std::string& report);
  [[nodiscard]] std::vector<Loss> losses() const;
  void on_loss(Callback callback);
  [[nodiscard]] std::vector<Loss> last_words(double limit_s);

 private:
  struct Part {
    Step step = Step::broadcast;
    std::uint32_t number = 0;
    std::string bytes;
  };
  struct Peer {
    int rank = 0;
    Channel channel;          ///< the thread's
    Clock::time_point heard;  ///< the thread's
    std::deque<Part> inbox;
    std::vector<Frame> outbox;
    std::uint32_t reached = 0;  ///< the step after the last one that it sent a part for
    bool finished = false;
    bool gone = false;
  };

  [[nodiscard]] Peer& peer(int rank);
  void put_all(const Frame& frame);
  void wake() const;
  /// Waits until `ready` or a loss; false when neither came until then.
  template <typename Ready>
  bool wait(std::unique_lock<std::mutex>& lock, Clock::time_point deadline, Ready ready);
  [[nodiscard]] Error loss_error() const;
  [[nodiscard]] Error too_late(std::unique_lock<std::mutex>& lock, Step step, std::uint32_t number,
                               double limit_s);
  [[nodiscard]] std::string waited_for(Step step, std::uint32_t number, double limit_s) const;
  void record(const Loss& loss);
  void record_and_tell(const Loss& loss);
  void finish_if_all_have();

  void run();
  bool one_round();
  void stop();
  void look_at(Peer& peer, Clock::time_point now);
  /// False when the frame does not belong there.
  [[nodiscard]] bool handle(Peer& peer, const Frame& frame);
  [[nodiscard]] bool handle_loss(const Peer& peer, const std::string& payload);
  [[nodiscard]] bool handle_data(Peer& peer, const std::string& payload);
  [[nodiscard]] bool handle_waited(const Peer& peer, const std::string& payload);
  void lose(Peer& peer, const std::string& why);
  [[nodiscard]] std::vector<Channel*> channels();

  const int rank_;
  const Limits limits_;
  const std::vector<Member> members_;
  Descriptor bell_;  ///< rings when the thread has something to do

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Peer> peers_;
  std::vector<Loss> losses_;  ///< one of a rank, in the order in which they came
  std::uint32_t begun_ = 0;   ///< the step after the last one that this process waited in
  bool wants_finish_ = false;
  bool all_finished_ = false;
  bool stopping_ = false;
  std::thread teller_;  ///< calls the callback

  std::mutex callback_mutex_;  ///< held while the callback runs
  Callback callback_;
  bool told_ = false;

  Clock::time_point last_round_;
  Clock::time_point next_heartbeat_;
  std::thread thread_;
};

}  // namespace hsap::world
