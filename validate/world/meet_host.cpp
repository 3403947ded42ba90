// The side of rank 0.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <list>
#include <random>

#include "base/files.hpp"
#include "validate/world/meet.hpp"

namespace hsap::world {
namespace {

/// One connection. Who has not said who he is is a stranger until then.
struct Caller {
  Channel channel;
  Clock::time_point since;
  std::string peer;
  std::optional<Member> member;
  bool answered = false;  ///< has said something that deserves the verdict
};

/// The shared file while it holds. Replaces one of an earlier run.
class NoticeFile {
 public:
  [[nodiscard]] Status write(const std::string& path, const Notice& notice) {
    HSAP_CHECK(write_file(path, notice_text(notice), true));
    path_ = path;
    key_ = notice.key;
    return {};
  }
  ~NoticeFile() {
    if (path_.empty()) return;
    const Result<Notice> now = read_notice(path_);
    std::error_code ignored;
    if (now && now->key == key_) std::filesystem::remove(path_, ignored);
  }

 private:
  std::string path_;
  std::string key_;
};

std::string random_key() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}", random(), random(), random());
}

class Host {
 public:
  Host(const Member& self, const Limits& limits) : self_(self), limits_(limits) {
    members_.resize(static_cast<std::size_t>(self.size));
    members_[0] = self;
  }

  [[nodiscard]] Status listen(const Rendezvous& where);
  [[nodiscard]] Result<Meeting> receive();

 private:
  void admit();
  void hear(Caller& caller);
  void read_hello(Caller& caller, const std::string& payload);
  void add_member(Caller& caller, const Member& member);
  /// Something that no waiting will repair.
  void fault(ErrorKind kind, const std::string& text);
  void note_stranger(const Caller& caller, const std::string& what);
  [[nodiscard]] bool all_here() const {
    return std::all_of(members_.begin(), members_.end(),
                       [](const auto& m) { return m.has_value(); });
  }
  [[nodiscard]] std::vector<Channel*> channels();
  void compare(const char* what, std::string Hello::*field);
  void complain_of_missing();
  [[nodiscard]] Error refuse();
  [[nodiscard]] Meeting welcome();

  const Member& self_;
  const Limits& limits_;
  Descriptor listener_;
  NoticeFile file_;
  std::string key_;
  std::string where_;       ///< to tell
  bool elsewhere_ = false;  ///< the others go to an address that is not of this machine
  std::list<Caller> callers_;
  std::vector<std::optional<Member>> members_;
  Clock::time_point deadline_;
  ErrorKind kind_ = ErrorKind::infeasible;
  std::vector<std::string> faults_;
  std::vector<std::string> strangers_;
};

Status Host::listen(const Rendezvous& where) {
  deadline_ = Clock::now() + seconds(limits_.meet_s);
  where_ = where.text();
  if (where.file.empty()) {
    HSAP_TRY(const std::vector<Address> addresses, resolve(where.host, where.port, deadline_));
    const Address& first = addresses.front();
    // A run on one machine is nobody else's business.
    HSAP_TRY(listener_, listen_at(where.port, first.loopback() ? &first : nullptr));
    elsewhere_ = !is_own(addresses);
    return {};
  }
  HSAP_TRY(listener_, listen_at(0, nullptr));
  key_ = random_key();
  Notice notice{key_, {}};
  for (const Address& address : own_addresses(port_of(listener_))) {
    notice.addresses.push_back(address.text());
  }
  return file_.write(where.file, notice);
}

void Host::fault(ErrorKind kind, const std::string& text) {
  if (std::find(faults_.begin(), faults_.end(), text) != faults_.end()) return;
  if (faults_.empty()) {
    deadline_ = std::min(deadline_, Clock::now() + seconds(limits_.fault_s));
  }
  if (kind == ErrorKind::bad_input) kind_ = kind;
  faults_.push_back(text);
}

void Host::note_stranger(const Caller& caller, const std::string& what) {
  constexpr std::size_t most = 4;
  if (strangers_.size() < most) strangers_.push_back(caller.peer + " " + what);
}

void Host::admit() {
  // More strangers than this at a time are not heard; ranks try again.
  const std::size_t most = members_.size() + 64;
  while (true) {
    Result<Descriptor> socket = accept_from(listener_);
    if (!socket) return fault(ErrorKind::infeasible, socket.error().text());
    if (!socket->open()) return;
    if (callers_.size() >= most) continue;
    std::string peer = peer_of(*socket);
    callers_.push_back({Channel(*std::move(socket), most_hello_bytes), Clock::now(),
                        std::move(peer), std::nullopt});
  }
}

void Host::add_member(Caller& caller, const Member& member) {
  if (member.size != self_.size) {
    return fault(ErrorKind::bad_input,
                 fmt::format("rank {} on {} counts {} ranks, rank 0 counts {}", member.rank,
                             member.host, member.size, self_.size));
  }
  const auto rank = static_cast<std::size_t>(member.rank);
  if (rank >= members_.size()) return note_stranger(caller, "has a rank that there is not");
  if (members_[rank]) {
    return fault(ErrorKind::bad_input, fmt::format("rank {} is there twice, on {} and on {}", rank,
                                                   members_[rank]->host, member.host));
  }
  members_[rank] = member;
  caller.member = member;
}

void Host::read_hello(Caller& caller, const std::string& payload) {
  Reader reader(payload);
  if (reader.text(most_hello_bytes) != protocol_name) {
    return note_stranger(caller, "said something else than hello");
  }
  const std::uint32_t version = reader.number();
  const std::string key = reader.text(most_hello_bytes);
  if (version != protocol_version) {
    // Frames and verdicts are the same in all versions.
    caller.answered = true;
    caller.channel.put({FrameKind::heard, {}});
    return fault(ErrorKind::bad_input,
                 fmt::format("{} speaks version {} of the protocol, rank 0 version {}: the same "
                             "hsap has to run everywhere",
                             caller.peer, version, protocol_version));
  }
  const Member member = read_member(reader);
  if (!reader.done()) return note_stranger(caller, "said a hello that cannot be read");
  if (key != key_) {
    caller.channel.put({FrameKind::stale, {}});
    return note_stranger(caller, "looked for another run");
  }
  caller.answered = true;
  caller.channel.put({FrameKind::heard, {}});
  add_member(caller, member);
}

void Host::hear(Caller& caller) {
  Channel& channel = caller.channel;
  channel.write();
  channel.read();
  if (caller.answered) {
    if (channel.open()) return;
    if (caller.member) {
      fault(ErrorKind::infeasible, fmt::format("rank {} on {} left before all were there",
                                               caller.member->rank, caller.member->host));
    }
    return;
  }
  const std::optional<Frame> frame = channel.take();
  if (frame && frame->kind == FrameKind::hello) {
    read_hello(caller, frame->payload);
  } else if (frame || channel.state() == Channel::State::garbage) {
    note_stranger(caller, "sent '" + channel.glimpse() + "'");
  } else if (!channel.open()) {
    note_stranger(caller, "left without a word");
  } else if (Clock::now() - caller.since > seconds(limits_.answer_s)) {
    note_stranger(caller, "connected and said nothing");
  } else {
    return;
  }
  // Whoever is no rank is sent away once his answer is out.
  if (!caller.answered) {
    channel.write();
    caller.since = {};
  }
}

std::vector<Channel*> Host::channels() {
  std::vector<Channel*> list;
  for (Caller& caller : callers_) list.push_back(&caller.channel);
  return list;
}

void Host::compare(const char* what, std::string Hello::*field) {
  std::vector<int> others;
  for (const auto& member : members_) {
    if (member && member->hello.*field != self_.hello.*field) others.push_back(member->rank);
  }
  if (others.empty()) return;
  const Hello& first = members_[static_cast<std::size_t>(others.front())]->hello;
  fault(ErrorKind::bad_input, fmt::format("{} {} {} than rank 0 ('{}' at rank {}, '{}' at rank 0)",
                                          rank_list(others), others.size() == 1 ? "has" : "have",
                                          what, first.*field, others.front(), self_.hello.*field));
}

void Host::complain_of_missing() {
  std::vector<int> missing;
  for (std::size_t rank = 0; rank < members_.size(); ++rank) {
    if (!members_[rank]) missing.push_back(static_cast<int>(rank));
  }
  if (missing.empty()) return;
  std::string text = faults_.empty()
                         ? fmt::format("{} did not come to rank 0 on {} ({}) within {} s",
                                       rank_list(missing), self_.host, where_, limits_.meet_s)
                         : rank_list(missing) + " had not come yet";
  if (elsewhere_) text += ", whose address is not one of this machine";
  fault(ErrorKind::infeasible, text);
}

Error Host::refuse() {
  if (!strangers_.empty()) {
    faults_.push_back(fmt::format("strangers came: {}", fmt::join(strangers_, ", ")));
  }
  Error error;
  error.kind = kind_;
  error.message = fmt::format("{}", fmt::join(faults_, "; "));
  Writer verdict;
  verdict.number(static_cast<std::uint32_t>(kind_));
  verdict.text(error.message);
  const Frame frame{FrameKind::refused, verdict.take()};
  for (Caller& caller : callers_) {
    if (caller.answered) caller.channel.put(frame);
  }
  part(channels(), Clock::now() + seconds(2));
  return error;
}

Meeting Host::welcome() {
  Meeting meeting;
  for (auto& member : members_) meeting.members.push_back(*std::move(member));
  const Frame frame{FrameKind::welcome, encode(meeting.members)};
  std::vector<Caller*> by_rank(members_.size(), nullptr);
  for (Caller& caller : callers_) {
    if (caller.member) by_rank[static_cast<std::size_t>(caller.member->rank)] = &caller;
  }
  for (std::size_t rank = 1; rank < by_rank.size(); ++rank) {
    Channel& channel = by_rank[rank]->channel;
    channel.set_most_bytes(most_frame_bytes);
    channel.put(frame);
    meeting.channels.push_back(std::move(channel));
  }
  return meeting;
}

Result<Meeting> Host::receive() {
  while (!all_here() && Clock::now() < deadline_) {
    // Looks again soon, as strangers are sent away by the clock.
    wait_for(channels(), listener_.get(), std::min(deadline_, Clock::now() + seconds(0.25)));
    admit();
    for (Caller& caller : callers_) hear(caller);
    callers_.remove_if([](const Caller& caller) {
      return (!caller.answered && caller.since == Clock::time_point{}) || !caller.channel.open();
    });
  }
  compare("another plan", &Hello::plan);
  compare("other options", &Hello::options);
  complain_of_missing();
  if (faults_.empty()) return welcome();
  return refuse();
}

}  // namespace

Result<Meeting> receive_ranks(const Member& self, const Rendezvous& where, const Limits& limits) {
  Host host(self, limits);
  HSAP_CHECK(host.listen(where));
  return host.receive();
}

}  // namespace hsap::world
