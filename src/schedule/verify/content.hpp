#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "schedule/verify/fingerprints.hpp"
#include "schedule/verify/matching.hpp"
#include "schedule/verify/row_map.hpp"

namespace hsap::verifier {

/// A piece of a buffer and what it holds.
struct Piece {
  HeadRange heads;
  Run run;
  Fingerprint value;
};

/// What every row of every buffer holds while the operations are followed one by one.
class Content {
 public:
  Content(const Subject& subject, const Matching& matching);

  /// Applies one operation. An exchange's messages move when the second side starts, when both
  /// ends are sure to be undisturbed; a collective's when the last member starts.
  void apply(Index at);

  /// What is wrong with the reads so far: rows never written, then rows with other content.
  [[nodiscard]] Found found() const;
  /// What is wrong with the outputs and saved rows now.
  [[nodiscard]] Found incomplete() const;

 private:
  using Map = RowMap<Fingerprint>;

  void attend(Index at, const Operation& op);
  void attend_backward(Index at, const Operation& op);
  void delta(Index at, const Operation& op);
  void merge(Index at, const Operation& op);
  void exchange(Index at, const Operation& op);
  void collective(Index at);
  void gather(std::span<const Index> members, std::size_t pair);
  void scatter(std::span<const Index> members, std::size_t pair);
  void copy(Index at, const Operation& op);
  void reduce(Index at, const Operation& op);

  /// Rows must hold the complete data of their role that the pass takes as given.
  void expect_given(Index at, Index buffer, HeadRange heads, const Run& run);
  /// Result rows before they are added to; or, when not accumulating, made neutral.
  void prepare(Index at, Index buffer, HeadRange heads, bool accumulate);
  /// o and lse must be partial results of the same attends.
  void expect_pair(Index at, Index o, Index lse, HeadRange heads, const Run& run);
  void contribute(Index at, Index buffer, HeadRange heads, const Run& run);
  /// Copies (or adds) rows of one buffer to another for operation `at`.
  void move(Index at, Index source, Index destination, HeadRange heads, const Run& run, bool add);
  void load(Index at, Index buffer, HeadRange heads, const Run& run);
  void store(Index at, Index buffer, bool add);

  /// Rows of a buffer that are not what they should be in the end, and what is wrong with them.
  struct Incomplete {
    Index buffer = 0;
    HeadRange heads;
    Run run;
    std::string_view what;
    std::optional<Index> writer = {};  ///< the last operation that writes any of the rows
  };
  [[nodiscard]] std::optional<Incomplete> check_result(Index buffer) const;
  void find_writers(std::vector<Incomplete>& rows) const;
  [[nodiscard]] std::string place(Index buffer, HeadRange heads, const Run& run) const;
  void report_unwritten(Index at, Index buffer, HeadRange heads, const Run& run);

  const Subject& subject_;
  const Schedule& schedule_;
  const Matching& matching_;
  std::vector<Map> maps_;       ///< by buffer
  std::vector<Map> complete_;   ///< by Role: what complete results hold; used for results only
  std::vector<bool> started_;   ///< by operation
  std::vector<Index> waiting_;  ///< by meeting: members that have not started
  std::vector<Piece> pieces_;   ///< between load() and store()
  Lowest unwritten_{Flaw::read_before_write};
  Lowest wrong_{Flaw::wrong_content};
};

}  // namespace hsap::verifier
