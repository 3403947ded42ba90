#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "validate/world/channel.hpp"
#include "validate/world/place.hpp"

/// How the processes of a run find each other: all connect to rank 0, say hello and hear whether
/// the run begins.
namespace hsap::world {

inline constexpr std::uint32_t protocol_version = 1;
/// The first word of every connection.
inline constexpr const char* protocol_name = "hsap-world";

/// Time limits of a run.
struct Limits {
  double meet_s = 120;     ///< for all ranks to come
  double fault_s = 3;      ///< for the rest to come and hear why, once the run cannot begin
  double answer_s = 5;     ///< for who connects to say hello, and for rank 0 to hear it
  double step_s = 60;      ///< for a broadcast, gather or barrier
  double heartbeat_s = 1;  ///< from one sign of life to the next
  double silence_s = 10;   ///< without a sign of life until a rank is lost
};

/// What must be known of a process, or be the same in all, before a run.
struct Hello {
  std::string device;   ///< which GPU: its UUID or address
  std::string plan;     ///< fingerprint of the plan, at most 128 bytes
  std::string options;  ///< fingerprint of everything else that all must agree on
};

struct Member {
  int rank = 0;
  int size = 1;
  std::string host;
  Hello hello;
};

/// By rank; ranks of one machine have the same number, counted from 0 in the order of ranks.
[[nodiscard]] std::vector<int> nodes_of(const std::vector<Member>& members);

struct Meeting {
  std::vector<Member> members;    ///< by rank
  std::vector<Channel> channels;  ///< at rank 0 to ranks 1, 2, ...; elsewhere to rank 0
};

/// Brings all ranks together. Errors are those of all ranks, not only of this one: ranks that did
/// not come (infeasible), that came twice, count another number of ranks, have another plan or
/// other options, speak another version; a port in use or a name that is unknown (bad_input).
[[nodiscard]] Result<Meeting> meet(const Place& place, const Hello& hello, const Limits& limits);

/// The side of rank 0, and that of the others.
[[nodiscard]] Result<Meeting> receive_ranks(const Member& self, const Rendezvous& where,
                                            const Limits& limits);
[[nodiscard]] Result<Meeting> go_to_rank_0(const Member& self, const Rendezvous& where,
                                           const Limits& limits);

/// What the shared file says: a key that no other run has, and where rank 0 listens.
struct Notice {
  std::string key;
  std::vector<std::string> addresses;
};
[[nodiscard]] std::string notice_text(const Notice& notice);
[[nodiscard]] Result<Notice> read_notice(const std::string& path);

[[nodiscard]] std::string encode(const Member& member, const std::string& key);
[[nodiscard]] std::string encode(const std::vector<Member>& members);
/// Empty when it is none.
[[nodiscard]] std::vector<Member> decode_members(const std::string& payload);

/// "rank 2", "ranks 2 and 5", "ranks 1-7 and 9", for sorted ranks.
[[nodiscard]] std::string rank_list(const std::vector<int>& ranks);

/// Frames before a run begins are short; the welcome names all members.
inline constexpr std::size_t most_hello_bytes = 4096;
inline constexpr std::size_t most_frame_bytes = std::size_t{64} << 20;

/// Reads a member that encode() wrote, from behind the version on.
[[nodiscard]] Member read_member(Reader& reader);

/// Polls the channels (and another descriptor unless it is negative) until something can be read,
/// or written where that is wanted, or until then.
void wait_for(const std::vector<Channel*>& channels, int other, Clock::time_point deadline);
/// Writes what is left, says that nothing more follows, and waits until the others have left too:
/// closing at once would drop what is still under way.
void part(const std::vector<Channel*>& channels, Clock::time_point deadline);

}  // namespace hsap::world
