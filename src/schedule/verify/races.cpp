#include <fmt/format.h>

#include "schedule/completion.hpp"
#include "schedule/verify/access.hpp"
#include "schedule/verify/row_map.hpp"
#include "schedule/verify/stages.hpp"

namespace hsap::verifier {
namespace {

/// Who touched a piece last. Operations of one stream are ordered, so one reader of each stream
/// stands for all of them.
struct Use {
  Index writer = 0;   ///< one more than the operation; 0 for none
  bool adds = false;  ///< the writer added; more receives of the same exchange may add on top
  StreamClock readers{};

  friend bool operator==(const Use&, const Use&) = default;
};

/// Walks the program of one rank. Array order is an order in which it may run, so each access
/// need only be known to come after the conflicting ones before it.
class Races {
 public:
  Races(const Subject& subject, const Matching& matching)
      : subject_(subject),
        schedule_(subject.schedule),
        matching_(matching),
        completion_(subject.schedule) {
    uses_.resize(schedule_.buffers.size());
  }

  Found check(const Range& program) {
    completion_.begin(program);
    for (Index at = program.first; at < program.first + program.count; ++at) {
      if (Found found = check_operation(at, completion_.before(at))) return found;
    }
    for (const Index buffer : touched_) uses_[buffer].reset();
    touched_.clear();
    return {};
  }

 private:
  /// `clock`: what is complete when the operation starts.
  Found check_operation(Index at, const StreamClock& clock) {
    const auto stream = static_cast<std::size_t>(schedule_.operations[at].stream);
    Found found;
    const auto visit = [&](Index buffer, HeadRange heads, const Run& run, Mode mode) {
      uses_of(buffer).update(heads, run, [&](Use& use, HeadRange piece_heads, const Run& piece) {
        const bool adds_on = mode == Mode::add && use.adds && use.writer == at + 1;
        const Index rival = adds_on ? none : unordered(use, clock, mode != Mode::read);
        if (rival != none && !found) {
          found = race(at, rival, buffer, piece_heads, piece);
        }
        if (mode == Mode::read) {
          use.readers[stream] = at + 1;
        } else {
          use = {at + 1, mode == Mode::add, {}};
        }
      });
    };
    Accesses(subject_, matching_, visit).of(at);
    return found;
  }

  RowMap<Use>& uses_of(Index buffer) {
    if (!uses_[buffer]) {
      uses_[buffer].emplace(schedule_.buffers[buffer].heads);
      touched_.push_back(buffer);
    }
    return *uses_[buffer];
  }

  /// An earlier access that conflicts with one now and is not known to be complete.
  [[nodiscard]] Index unordered(const Use& use, const StreamClock& clock, bool writes) const {
    const auto complete = [&](Index user) {
      return clock[static_cast<std::size_t>(schedule_.operations[user - 1].stream)] >= user;
    };
    if (use.writer > 0 && !complete(use.writer)) return use.writer - 1;
    if (!writes) return none;
    for (const Index reader : use.readers) {
      if (reader > 0 && !complete(reader)) return reader - 1;
    }
    return none;
  }

  [[nodiscard]] Finding race(Index at, Index rival, Index buffer, HeadRange heads,
                             const Run& run) const {
    return flawed(
        Flaw::race,
        fmt::format("#{} and #{} touch {}, {}, of {} (buffer {}) without an order", rival, at,
                    subject_.tokens_text(run), heads_text(heads), subject_.name(buffer), buffer),
        at);
  }

  const Subject& subject_;
  const Schedule& schedule_;
  const Matching& matching_;
  Completion completion_;
  std::vector<std::optional<RowMap<Use>>> uses_;  ///< by buffer, of the current rank only
  std::vector<Index> touched_;                    ///< the buffers of the current rank so far
};

}  // namespace

Found check_races(const Subject& subject, const Matching& matching) {
  Races races(subject, matching);
  for (const Range& program : subject.schedule.programs) {
    if (Found found = races.check(program)) return found;
  }
  return {};
}

}  // namespace hsap::verifier
