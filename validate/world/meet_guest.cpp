// The side of all ranks but 0.

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "validate/world/meet.hpp"

namespace hsap::world {
namespace {

class Guest {
 public:
  Guest(const Member& self, const Rendezvous& where, const Limits& limits)
      : self_(self),
        where_(where),
        limits_(limits),
        deadline_(Clock::now() + seconds(limits.meet_s)) {}

  [[nodiscard]] Result<Meeting> go();

 private:
  [[nodiscard]] Status find();
  [[nodiscard]] std::optional<Channel> greet(const Address& address);
  [[nodiscard]] std::optional<Frame> hear(Channel& channel, Clock::time_point deadline);
  [[nodiscard]] Result<Meeting> hear_verdict(Channel channel);

  const Member& self_;
  const Rendezvous& where_;
  const Limits& limits_;
  Clock::time_point deadline_;
  std::string key_;
  std::vector<Address> addresses_;
  std::string trouble_ = "nobody is there";  ///< of the last attempt
};

/// Errors when the address is none; no addresses while the file is not there.
Status Guest::find() {
  if (where_.file.empty()) {
    if (!addresses_.empty()) return {};
    HSAP_TRY(addresses_, resolve(where_.host, where_.port, deadline_));
    return {};
  }
  addresses_.clear();
  const Result<Notice> notice = read_notice(where_.file);
  if (!notice) {
    trouble_ = notice.error().message;
    return {};
  }
  key_ = notice->key;
  for (const std::string& each : notice->addresses) {
    const Result<Rendezvous> place = parse_rendezvous("tcp://" + each);
    if (!place) continue;
    Result<std::vector<Address>> found = resolve(place->host, place->port, deadline_);
    if (found) addresses_.insert(addresses_.end(), found->begin(), found->end());
  }
  return {};
}

std::optional<Frame> Guest::hear(Channel& channel, Clock::time_point deadline) {
  while (true) {
    channel.write();
    channel.read();
    if (std::optional<Frame> frame = channel.take()) return frame;
    if (!channel.open() || Clock::now() >= deadline) return {};
    wait_for({&channel}, -1, deadline);
  }
}

/// A channel to rank 0 that has heard the hello. What listens may be anything: an old file or a
/// wrong port leads to strangers.
std::optional<Channel> Guest::greet(const Address& address) {
  const auto deadline = std::min(deadline_, Clock::now() + seconds(limits_.answer_s));
  Result<Descriptor> socket = connect_to(address, deadline);
  if (!socket) {
    trouble_ = socket.error().message;
    return {};
  }
  Channel channel(*std::move(socket), most_frame_bytes);
  channel.put({FrameKind::hello, encode(self_, key_)});
  const std::optional<Frame> answer = hear(channel, deadline);
  if (answer && answer->kind == FrameKind::heard) return channel;
  if (answer && answer->kind == FrameKind::stale) {
    trouble_ = "rank 0 of another run is there";
  } else {
    trouble_ = "what listens there does not answer like rank 0";
  }
  return {};
}

Result<Meeting> Guest::hear_verdict(Channel channel) {
  // Rank 0 waits by its own clock, and began before now.
  constexpr double slack_s = 5;
  const std::optional<Frame> verdict =
      hear(channel, Clock::now() + seconds(limits_.meet_s + limits_.fault_s + slack_s));
  if (verdict && verdict->kind == FrameKind::welcome) {
    Meeting meeting;
    meeting.members = decode_members(verdict->payload);
    if (meeting.members.size() == static_cast<std::size_t>(self_.size)) {
      meeting.channels.push_back(std::move(channel));
      return meeting;
    }
  }
  if (verdict && verdict->kind == FrameKind::refused) {
    Reader reader(verdict->payload);
    Error error;
    error.kind = reader.number() == static_cast<std::uint32_t>(ErrorKind::bad_input)
                     ? ErrorKind::bad_input
                     : ErrorKind::infeasible;
    error.message = reader.text(most_frame_bytes);
    if (reader.done()) return error;
  }
  return infeasible(fmt::format("rank 0 ({}) {} before all ranks were there", where_.text(),
                                channel.open() ? "fell silent" : "left"));
}

Result<Meeting> Guest::go() {
  while (true) {
    HSAP_CHECK(find());
    for (const Address& address : addresses_) {
      if (std::optional<Channel> channel = greet(address)) {
        return hear_verdict(*std::move(channel));
      }
    }
    if (Clock::now() >= deadline_) break;
    std::this_thread::sleep_for(seconds(0.05));
  }
  return infeasible(fmt::format("rank {} found no rank 0 at {} within {} s: {}", self_.rank,
                                where_.text(), limits_.meet_s, trouble_));
}

}  // namespace

Result<Meeting> go_to_rank_0(const Member& self, const Rendezvous& where, const Limits& limits) {
  return Guest(self, where, limits).go();
}

}  // namespace hsap::world
