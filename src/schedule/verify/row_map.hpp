#pragma once

#include <algorithm>
#include <vector>

#include "schedule/verify/subject.hpp"

namespace hsap::verifier {

/// A value for every (position, head) of a buffer, constant over few large pieces. Heads are cut
/// into bands, and each band into pieces of positions, only where an access ends; neighbouring
/// pieces that become equal are joined again.
template <typename T>
class RowMap {
 public:
  explicit RowMap(HeadRange heads, const T& initial = T{}) {
    bands_.push_back({heads, {{0, initial}}});
  }

  /// Calls change(value, heads, run) for every piece within heads x run.
  template <typename Change>
  void update(HeadRange heads, const Run& run, Change change) {
    if (run.begin >= run.end) return;
    split_bands(heads.begin);
    split_bands(heads.end);
    for (Band& band : bands_) {
      if (band.heads.begin >= heads.begin && band.heads.end <= heads.end) {
        update_band(band, run, change);
      }
    }
  }

  /// Calls visit(value, heads, run) for every piece within heads x run.
  template <typename Visit>
  void read(HeadRange heads, const Run& run, Visit visit) const {
    if (run.begin >= run.end) return;
    for (const Band& band : bands_) {
      const HeadRange both{std::max(heads.begin, band.heads.begin),
                           std::min(heads.end, band.heads.end)};
      if (both.begin < both.end) read_band(band, both, run, visit);
    }
  }

 private:
  struct Piece {
    Position begin;  ///< to the begin of the next piece
    T value;
  };
  struct Band {
    HeadRange heads;
    std::vector<Piece> pieces;  ///< sorted, the first at position 0
  };

  void split_bands(std::uint16_t head) {
    for (std::size_t i = 0; i < bands_.size(); ++i) {
      if (bands_[i].heads.begin >= head || head >= bands_[i].heads.end) continue;
      Band upper = bands_[i];
      upper.heads.begin = head;
      bands_[i].heads.end = head;
      bands_.insert(bands_.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::move(upper));
      return;
    }
  }

  /// Index of the piece that holds a position.
  static std::size_t piece_at(const std::vector<Piece>& pieces, Position position) {
    const auto after =
        std::upper_bound(pieces.begin(), pieces.end(), position,
                         [](Position wanted, const Piece& piece) { return wanted < piece.begin; });
    return static_cast<std::size_t>(after - pieces.begin()) - 1;
  }

  /// Makes a piece begin at the position; returns its index.
  static std::size_t split_pieces(std::vector<Piece>& pieces, Position position) {
    const std::size_t at = piece_at(pieces, position);
    if (pieces[at].begin == position) return at;
    pieces.insert(pieces.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                  {position, pieces[at].value});
    return at + 1;
  }

  template <typename Change>
  static void update_band(Band& band, const Run& run, Change& change) {
    std::vector<Piece>& pieces = band.pieces;
    const std::size_t first = split_pieces(pieces, run.begin);
    const std::size_t last = split_pieces(pieces, run.end);
    for (std::size_t i = first; i < last; ++i) {
      change(pieces[i].value, band.heads, Run{pieces[i].begin, pieces[i + 1].begin});
    }
    join(pieces, first == 0 ? 0 : first - 1, last);
  }

  /// Removes the pieces after `first`, up to and including `last`, that equal their left neighbour.
  static void join(std::vector<Piece>& pieces, std::size_t first, std::size_t last) {
    std::size_t kept = first;
    for (std::size_t i = first + 1; i <= last; ++i) {
      if (!(pieces[i].value == pieces[kept].value)) pieces[++kept] = pieces[i];
    }
    const auto begin = pieces.begin();
    pieces.erase(begin + static_cast<std::ptrdiff_t>(kept) + 1,
                 begin + static_cast<std::ptrdiff_t>(last) + 1);
  }

  template <typename Visit>
  static void read_band(const Band& band, HeadRange heads, const Run& run, Visit& visit) {
    const std::vector<Piece>& pieces = band.pieces;
    for (std::size_t i = piece_at(pieces, run.begin); i < pieces.size(); ++i) {
      if (pieces[i].begin >= run.end) return;
      const Position next = i + 1 < pieces.size() ? pieces[i + 1].begin : run.end;
      visit(pieces[i].value, heads,
            Run{std::max(pieces[i].begin, run.begin), std::min(next, run.end)});
    }
  }

  std::vector<Band> bands_;
};

}  // namespace hsap::verifier
