#include "validate/world/control.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

namespace hsap::world {
namespace {

/// How long rank 0 may take to say for whom this process has waited.
constexpr double answer_s = 2;

std::string waited_text(Step step, double limit_s, const std::vector<int>& missing) {
  return fmt::format("waited {} s in a {} for {}", limit_s, to_string(step), rank_list(missing));
}

}  // namespace

std::string Loss::text() const {
  return fmt::format("rank {} {}: {}", rank, failed ? "failed" : "was lost", why);
}

const char* to_string(Step step) {
  constexpr const char* names[] = {"broadcast", "gather", "barrier", "finish"};
  return names[static_cast<std::size_t>(step)];
}

Control::Control(int rank, Meeting meeting, const Limits& limits)
    : rank_(rank),
      limits_(limits),
      members_(std::move(meeting.members)),
      bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      last_round_(Clock::now()),
      next_heartbeat_(last_round_) {
  int other = rank == 0 ? 1 : 0;
  for (Channel& channel : meeting.channels) {
    peers_.push_back({other++, std::move(channel), last_round_, {}, {}});
  }
  if (!peers_.empty()) thread_ = std::thread([this] { run(); });
}

Control::~Control() {
  stop();
  if (teller_.joinable()) teller_.join();
}

Control::Peer& Control::peer(int rank) {
  return peers_[static_cast<std::size_t>(rank_ == 0 ? rank - 1 : 0)];
}

void Control::wake() const {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(bell_.get(), &one, sizeof one));
}

void Control::put_all(const Frame& frame) {
  for (Peer& peer : peers_) peer.outbox.push_back(frame);
  wake();
}

void Control::send(int to, Step step, std::uint32_t number, const std::string& bytes) {
  Writer writer;
  writer.number(static_cast<std::uint32_t>(step));
  writer.number(number);
  writer.text(bytes);
  const std::lock_guard lock(mutex_);
  peer(to).outbox.push_back({FrameKind::data, writer.take()});
  wake();
}

template <typename Ready>
bool Control::wait(std::unique_lock<std::mutex>& lock, Clock::time_point deadline, Ready ready) {
  return changed_.wait_until(lock, deadline, [&] { return ready() || !losses_.empty(); });
}

Error Control::loss_error() const {
  std::string text;
  for (const Loss& loss : losses_) text += (text.empty() ? "" : "; ") + loss.text();
  return infeasible(text);
}

/// Tells the others that this rank has waited too long. Only rank 0 knows who is missing: the
/// others ask it for the words.
Error Control::too_late(std::unique_lock<std::mutex>& lock, Step step, std::uint32_t number,
                        double limit_s) {
  if (rank_ == 0) {
    record_and_tell({0, true, waited_for(step, number, limit_s)});
    return loss_error();
  }
  Writer question;
  question.number(static_cast<std::uint32_t>(step));
  question.number(number);
  question.number(static_cast<std::uint32_t>(limit_s * 1e3));
  put_all({FrameKind::waited, question.take()});
  if (!wait(lock, Clock::now() + seconds(answer_s), [] { return false; })) {
    record({rank_, true, waited_text(step, limit_s, {0})});
  }
  return loss_error();
}

/// In the words of rank 0, who has not come to a step.
std::string Control::waited_for(Step step, std::uint32_t number, double limit_s) const {
  std::vector<int> missing;
  const bool here = step == Step::finish ? wants_finish_ : begun_ > number;
  if (!here) missing.push_back(0);
  for (const Peer& peer : peers_) {
    // In a broadcast rank 0 alone has something to bring.
    const bool came = step == Step::finish ? peer.finished : peer.reached > number;
    if (!came && step != Step::broadcast) missing.push_back(peer.rank);
  }
  return waited_text(step, limit_s, missing);
}

Result<std::string> Control::receive(int from, Step step, std::uint32_t number,
                                     Clock::time_point deadline, double limit_s) {
  std::unique_lock lock(mutex_);
  begun_ = number + 1;
  std::deque<Part>& inbox = peer(from).inbox;
  if (!wait(lock, deadline, [&] { return !inbox.empty(); })) {
    return too_late(lock, step, number, limit_s);
  }
  // What has come counts even when a rank was lost since: the step is the same for all.
  if (inbox.empty()) return loss_error();
  Part part = std::move(inbox.front());
  inbox.pop_front();
  if (part.step == step && part.number == number) return std::move(part.bytes);
  const std::string text = fmt::format("is in {} {}, and rank {} in {} {}", to_string(step), number,
                                       from, to_string(part.step), part.number);
  record_and_tell({rank_, true, text});
  return internal_error(loss_error().message);
}

void Control::finish_if_all_have() {
  const bool all =
      std::all_of(peers_.begin(), peers_.end(), [](const Peer& peer) { return peer.finished; });
  if (!wants_finish_ || !all || all_finished_ || rank_ != 0) return;
  all_finished_ = true;
  put_all({FrameKind::finished, {}});
  changed_.notify_all();
}

Status Control::finish(double limit_s) {
  const auto deadline = Clock::now() + seconds(limit_s);
  {
    std::unique_lock lock(mutex_);
    wants_finish_ = true;
    if (rank_ != 0) put_all({FrameKind::finish, {}});
    finish_if_all_have();
    if (!wait(lock, deadline, [&] { return all_finished_; })) {
      return too_late(lock, Step::finish, 0, limit_s);
    }
    if (!all_finished_) return loss_error();
  }
  stop();
  return {};
}

void Control::fail(const std::string& report) {
  const std::lock_guard lock(mutex_);
  record_and_tell({rank_, true, report});
}

std::vector<Loss> Control::losses() const {
  const std::lock_guard lock(mutex_);
  return losses_;
}

void Control::on_loss(Callback callback) {
  std::unique_lock lock(callback_mutex_);
  callback_ = std::move(callback);
  if (!told_ || !callback_) return;
  // The loss came first.
  const std::vector<Loss> known = losses();
  callback_(known.front());
}

std::vector<Loss> Control::last_words(double limit_s) {
  const auto deadline = Clock::now() + seconds(limit_s);
  std::unique_lock lock(mutex_);
  const auto has_spoken = [&](const Peer& peer) {
    return peer.gone || std::any_of(losses_.begin(), losses_.end(),
                                    [&](const Loss& loss) { return loss.rank == peer.rank; });
  };
  changed_.wait_until(lock, deadline,
                      [&] { return std::all_of(peers_.begin(), peers_.end(), has_spoken); });
  return losses_;
}

void Control::record(const Loss& loss) {
  const bool known = std::any_of(losses_.begin(), losses_.end(),
                                 [&](const Loss& each) { return each.rank == loss.rank; });
  if (known) return;
  losses_.push_back(loss);
  changed_.notify_all();
  if (losses_.size() > 1) return;
  // On a thread of its own, as it may take long: the connections must be looked after.
  teller_ = std::thread([this, loss] {
    const std::lock_guard lock(callback_mutex_);
    told_ = true;
    if (callback_) callback_(loss);
  });
}

void Control::record_and_tell(const Loss& loss) {
  record(loss);
  put_all(to_frame(loss));
}

void Control::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace hsap::world
