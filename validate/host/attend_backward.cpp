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
      product(weights_, dout_);
      scatter(part_, on_.dv, slice.key, column, keys, dv);
      product(slopes_, q_);
      scatter(part_, on_.dk, slice.key, column, keys, dk);
      part_.assign(q_.rows.size() * k_.step, 0);
      multiply_add(q_.rows.size(), k_.step, k_.rows.size(), slopes_.data(), wide_, k_.values.data(),
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
    wide_ = k_.padded_rows();
    std::fill_n(weights_.begin(), q_.rows.size() * wide_, T{0});
    std::fill_n(slopes_.begin(), q_.rows.size() * wide_, T{0});
    k_.transpose(columns_);
    multiply_add(q_.rows.size(), wide_, k_.step, q_.values.data(), q_.step, columns_.data(), wide_,
                 weights_.data(), wide_);
    v_.transpose(columns_);
    multiply_add(q_.rows.size(), wide_, v_.step, dout_.values.data(), dout_.step, columns_.data(),
                 wide_, slopes_.data(), wide_);
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
      for (Token j = 0; j < keys; ++j) {
        const auto at = static_cast<std::size_t>(i) * wide_ + static_cast<std::size_t>(j);
        const bool seen = !border || band.sees(row + i, column + j);
        weights_[at] = seen ? std::exp(weights_[at] * scale_ - lse) : 0;
        slopes_[at] = weights_[at] * (slopes_[at] - delta) * scale_;
      }
    }
  }

  /// part = transpose(factors) rows, one row for each key.
  void product(const std::array<T, tile_side * tile_side>& factors, const TileRows<T>& rows) {
    const std::size_t keys = k_.rows.size();
    const std::size_t queries = rows.rows.size();
    for (std::size_t i = 0; i < queries; ++i) {
      for (std::size_t j = 0; j < keys; ++j) turned_[j * queries + i] = factors[i * wide_ + j];
    }
    part_.assign(keys * rows.step, 0);
    multiply_add(keys, rows.step, queries, turned_.data(), queries, rows.values.data(), rows.step,
                 part_.data(), rows.step);
  }

  const AttendBackward& on_;
  int head_;
  int key_head_;
  T scale_;
  TileRows<T> q_, dout_, k_, v_;
  std::size_t wide_ = 0;  ///< of weights and slopes, [queries, padded keys]
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
