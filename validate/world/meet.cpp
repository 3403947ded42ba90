#include "validate/world/meet.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "base/files.hpp"

namespace hsap::world {
namespace {

constexpr const char* notice_title = "hsap rendezvous 1";

void write_member(Writer& writer, const Member& member) {
  writer.number(static_cast<std::uint32_t>(member.rank));
  writer.number(static_cast<std::uint32_t>(member.size));
  writer.text(member.host);
  writer.text(member.hello.device);
  writer.text(member.hello.plan);
  writer.text(member.hello.options);
}

Status check_length(const std::string& text, const char* what) {
  constexpr std::size_t most = 128;
  if (text.size() <= most) return {};
  return internal_error(fmt::format("{} of {} bytes, more than {}", what, text.size(), most));
}

}  // namespace

std::vector<int> nodes_of(const std::vector<Member>& members) {
  std::map<std::string, int> numbers;
  std::vector<int> nodes;
  nodes.reserve(members.size());
  for (const Member& member : members) {
    nodes.push_back(
        numbers.try_emplace(member.host, static_cast<int>(numbers.size())).first->second);
  }
  return nodes;
}

std::string encode(const Member& member, const std::string& key) {
  Writer writer;
  writer.text(protocol_name);
  writer.number(protocol_version);
  writer.text(key);
  write_member(writer, member);
  return writer.take();
}

std::string encode(const std::vector<Member>& members) {
  Writer writer;
  writer.number(static_cast<std::uint32_t>(members.size()));
  for (const Member& member : members) write_member(writer, member);
  return writer.take();
}

Member read_member(Reader& reader) {
  constexpr std::size_t most = 256;
  Member member;
  member.rank = static_cast<int>(reader.number());
  member.size = static_cast<int>(reader.number());
  member.host = reader.text(most);
  member.hello.device = reader.text(most);
  member.hello.plan = reader.text(most);
  member.hello.options = reader.text(most);
  return member;
}

std::vector<Member> decode_members(const std::string& payload) {
  Reader reader(payload);
  std::vector<Member> members;
  for (std::uint32_t left = reader.number(); left > 0 && reader.ok(); --left) {
    members.push_back(read_member(reader));
  }
  if (!reader.done()) members.clear();
  return members;
}

std::string notice_text(const Notice& notice) {
  std::string text = fmt::format("{}\n{}\n", notice_title, notice.key);
  for (const std::string& address : notice.addresses) text += address + "\n";
  return text;
}

Result<Notice> read_notice(const std::string& path) {
  constexpr std::int64_t most_bytes = 64 << 10;
  HSAP_TRY(const std::string text, read_file(path, most_bytes));
  std::istringstream lines(text);
  std::string title;
  Notice notice;
  std::getline(lines, title);
  std::getline(lines, notice.key);
  for (std::string line; std::getline(lines, line);) notice.addresses.push_back(line);
  if (title == notice_title && !notice.addresses.empty()) return notice;
  Error error = bad_input("not written by rank 0 of a run", "'" + title.substr(0, 40) + "'",
                          std::string("'") + notice_title + "'");
  error.file = path;
  return error;
}

std::string rank_list(const std::vector<int>& ranks) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < ranks.size();) {
    std::size_t end = begin + 1;
    while (end < ranks.size() && ranks[end] == ranks[end - 1] + 1) ++end;
    const std::size_t count = end - begin;
    if (count == 2) end = begin + 1;
    parts.push_back(count > 2 ? fmt::format("{}-{}", ranks[begin], ranks[end - 1])
                              : std::to_string(ranks[begin]));
    begin = end;
  }
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 == parts.size() ? " and " : ", ";
    text += parts[i];
  }
  return text;
}

void wait_for(const std::vector<Channel*>& channels, int other, Clock::time_point deadline) {
  std::vector<pollfd> files;
  files.push_back({other, POLLIN, 0});
  for (const Channel* channel : channels) {
    if (!channel->open()) continue;
    const int events = channel->unsent() ? POLLIN | POLLOUT : POLLIN;
    files.push_back({channel->descriptor(), static_cast<short>(events), 0});
  }
  // Interrupted or not, the caller looks at everything and comes back.
  static_cast<void>(::poll(files.data(), files.size(), milliseconds_until(deadline)));
}

void part(const std::vector<Channel*>& channels, Clock::time_point deadline) {
  std::vector<bool> ended(channels.size(), false);
  const auto busy = [&] {
    return std::any_of(channels.begin(), channels.end(),
                       [](const Channel* channel) { return channel->open(); });
  };
  while (true) {
    for (std::size_t i = 0; i < channels.size(); ++i) {
      Channel& channel = *channels[i];
      channel.write();
      if (!channel.unsent() && !ended[i]) {
        channel.end_writing();
        ended[i] = true;
      }
      channel.read();
      while (channel.take()) {
      }
    }
    if (!busy() || Clock::now() >= deadline) return;
    wait_for(channels, -1, deadline);
  }
}

Result<Meeting> meet(const Place& place, const Hello& hello, const Limits& limits) {
  HSAP_CHECK(check_length(hello.device, "device id"));
  HSAP_CHECK(check_length(hello.plan, "fingerprint of the plan"));
  HSAP_CHECK(check_length(hello.options, "fingerprint of the options"));
  const Member self{place.rank, place.size, place.host.substr(0, 128), hello};
  if (place.size == 1) return Meeting{{self}, {}};
  return place.rank == 0 ? receive_ranks(self, place.meet, limits)
                         : go_to_rank_0(self, place.meet, limits);
}

}  // namespace hsap::world
