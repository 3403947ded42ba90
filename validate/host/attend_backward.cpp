#include <array>

#include "validate/host/scratch.hpp"
#include "validate/host/tiles.hpp"

namespace hsap::host {
namespace {

/// Adds tile rows to the rows of a sum where they belong.
template <typename T>
void scatter(const std::vector<T>& part, const View& view, const Interval& tokens, Token first,
             Token count, HeadSums<T>& sums) {
  for (Token i = 0; i < count; ++i) {
    T* row = sums.row((*view.rows)[tokens.at(first + i)]);
    const T* from = &part[static_cast<std::size_t>(i) * sums.step()];
    for (std::size_t d = 0; d < sums.step(); ++d) row[d] += from[d];
  }
}

/// Works through the slices of one query head.
template <typename T>
class Gradients {
 public:
  Gradients(const AttendBackward& on, int head, int key_head)
      : on_(on),
        head_(head),
        key_head_(key_head),
        scale_(1 / std::sqrt(static_cast<T>(on.q.width))) {}

  void add(const Slice& slice, HeadSums<T>& dq, HeadSums<T>& dk, HeadSums<T>& dv) {
    const Band band(slice);
    for_each_tile(slice, [&](Token row, Token rows, Token column, Token keys, bool border) {
      read(slice, row, rows, column, keys);
      weigh(band, slice, row, rows, column, keys, border);
      product(weights_, keys, dout_);
      scatter(part_, on_.dv, slice.key, column, keys, dv);
      product(slopes_, keys, q_);
      scatter(part_, on_.dk, slice.key, column, keys, dk);
      part_.assign(tile_side * k_.step, 0);
      multiply_add(q_.rows.size(), k_.step, tile_side, slopes_.data(), tile_side, k_.values.data(),
                   k_.step, part_.data(), k_.step);
      scatter(part_, on_.dq, slice.query, row, rows, dq);
    });
  }

 private:
  void read(const Slice& slice, Token row, Token rows, Token column, Token keys) {
    q_.read(on_.q, head_, slice.query, row, rows);
    dout_.read(on_.dout, head_, slice.query, row, rows);
    k_.read(on_.k, key_head_, slice.key, column, keys);
    v_.read(on_.v, key_head_, slice.key, column, keys);
    weights_.fill(0);
    slopes_.fill(0);
    k_.transpose(columns_);
    multiply_add(q_.rows.size(), tile_side, k_.step, q_.values.data(), q_.step, columns_.data(),
                 tile_side, weights_.data(), tile_side);
    v_.transpose(columns_);
    multiply_add(q_.rows.size(), tile_side, v_.step, dout_.values.data(), dout_.step,
                 columns_.data(), tile_side, slopes_.data(), tile_side);
  }

  /// From scores and do v to the weights p and the slopes of the scores, p (do v - delta).
  void weigh(const Band& band, const Slice& slice, Token row, Token rows, Token column, Token keys,
             bool border) {
    for (Token i = 0; i < rows; ++i) {
      const Token token = slice.query.at(row + i);
      T lse = 0;
      T delta = 0;
      load(on_.lse.element, on_.lse.at((*on_.lse.rows)[token], head_), 1, &lse);
      load(on_.delta.element, on_.delta.at((*on_.delta.rows)[token], head_), 1, &delta);
      for (Token j = 0; j < tile; ++j) {
        const auto at = static_cast<std::size_t>(i) * tile_side + static_cast<std::size_t>(j);
        const bool seen = j < keys && (!border || band.sees(row + i, column + j));
        weights_[at] = seen ? std::exp(weights_[at] * scale_ - lse) : 0;
        slopes_[at] = weights_[at] * (slopes_[at] - delta) * scale_;
      }
    }
  }

  /// part = transpose(factors) rows, one row for each key.
  void product(const std::array<T, tile_side * tile_side>& factors, Token keys,
               const TileRows<T>& rows) {
    for (std::size_t i = 0; i < tile_side; ++i) {
      for (std::size_t j = 0; j < tile_side; ++j) {
        turned_[j * tile_side + i] = factors[i * tile_side + j];
      }
    }
    part_.assign(tile_side * rows.step, 0);
    multiply_add(static_cast<std::size_t>(keys), rows.step, rows.rows.size(), turned_.data(),
                 tile_side, rows.values.data(), rows.step, part_.data(), rows.step);
  }

  const AttendBackward& on_;
  int head_;
  int key_head_;
  T scale_;
  TileRows<T> q_, dout_, k_, v_;
  std::vector<T> columns_, part_;
  std::array<T, tile_side * tile_side> weights_{}, slopes_{}, turned_{};
};

}  // namespace

template <typename T>
void attend_backward(const AttendBackward& on, const HeadWork& heads, std::span<const Slice> slices,
                     bool accumulate_query, bool accumulate_key) {
  const int first = heads.key_head(heads.query.begin);
  for (int key_head = first; key_head <= heads.key_head(heads.query.end - 1); ++key_head) {
    HeadSums<T> dk(on.dk, key_head, accumulate_key);
    HeadSums<T> dv(on.dv, key_head, accumulate_key);
    for (int head = heads.query.begin; head < heads.query.end; ++head) {
      if (heads.key_head(head) != key_head) continue;
      HeadSums<T> dq(on.dq, head, accumulate_query);
      Gradients<T> gradients(on, head, key_head);
      for (const Slice& slice : slices) gradients.add(slice, dq, dk, dv);
      dq.write();
    }
    dk.write();
    dv.write();
  }
}

template void attend_backward<float>(const AttendBackward&, const HeadWork&, std::span<const Slice>,
                                     bool, bool);
template void attend_backward<double>(const AttendBackward&, const HeadWork&,
                                      std::span<const Slice>, bool, bool);

}  // namespace hsap::host
