#include <array>
#include <limits>

#include "validate/host/scratch.hpp"
#include "validate/host/tiles.hpp"

namespace hsap::host {
namespace {

/// Softmax of one head while it grows: o is kept times the sum of exp(score - top).
template <typename T>
class Softmax {
 public:
  Softmax(const View& o, const View& lse, int head, bool keep)
      : o_(o, head, keep), lse_(lse), tokens_(o.rows->tokens()), head_(head) {
    const std::size_t rows = tokens_.size();
    top_.assign(rows, -std::numeric_limits<T>::infinity());
    sum_.assign(rows, 0);
    for (std::size_t row = 0; keep && row < rows; ++row) {
      load(lse.element, lse_at(row), 1, &top_[row]);
      sum_[row] = std::isinf(top_[row]) ? 0 : 1;
    }
  }

  /// Takes scores of one row, -inf where masked, and leaves their weights in place.
  void weigh(std::size_t row, std::span<T> scores) {
    constexpr T masked = -std::numeric_limits<T>::infinity();
    T top = top_[row];
    bool sees_any = false;  // a NaN counts: it must reach the result
    for (const T score : scores) {
      top = std::max(top, score);
      sees_any = sees_any || score != masked;
    }
    if (!sees_any) {
      std::fill(scores.begin(), scores.end(), T{0});
      return;
    }
    const T shrink = std::exp(top_[row] - top);
    T sum = 0;
    for (T& score : scores) sum += score = std::exp(score - top);
    top_[row] = top;
    sum_[row] = sum_[row] * shrink + sum;
    T* o = o_.row(row);
    for (std::size_t d = 0; d < o_.step(); ++d) o[d] *= shrink;
  }

  void add(std::span<const std::size_t> rows, const T* weights, const TileRows<T>& values) {
    std::vector<T> part(rows.size() * o_.step(), 0);
    multiply_add(rows.size(), o_.step(), values.rows.size(), weights, values.padded_rows(),
                 values.values.data(), values.step, part.data(), o_.step());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      T* o = o_.row(rows[i]);
      for (std::size_t d = 0; d < o_.step(); ++d) o[d] += part[i * o_.step() + d];
    }
  }

  void write() {
    for (std::size_t row = 0; row < top_.size(); ++row) {
      const T sum = sum_[row];
      T* o = o_.row(row);
      for (std::size_t d = 0; sum > 0 && d < o_.step(); ++d) o[d] /= sum;
      const T lse = sum > 0 ? top_[row] + std::log(sum) : -std::numeric_limits<T>::infinity();
      store(lse_.element, &lse, 1, lse_at(row));
    }
    o_.write();
  }

 private:
  /// Rows count those of o; lse may hold the same tokens in another order.
  [[nodiscard]] std::byte* lse_at(std::size_t row) const {
    return lse_.at((*lse_.rows)[tokens_[row]], head_);
  }

  HeadSums<T> o_;
  View lse_;
  const std::vector<Token>& tokens_;
  int head_;
  std::vector<T> top_;
  std::vector<T> sum_;
};

template <typename T>
void attend_slice(const Attend& on, int head, int key_head, const Slice& slice,
                  Softmax<T>& softmax) {
  const T scale = 1 / std::sqrt(static_cast<T>(on.q.width));
  const Band band(slice);
  TileRows<T> q, k, v;
  std::vector<T> columns;
  std::vector<std::size_t> rows_of_o;
  std::array<T, tile_side * tile_side> scores;
  for_each_tile(slice, [&](Token row, Token rows, Token column, Token keys, bool border) {
    q.read(on.q, head, slice.query, row, rows);
    k.read(on.k, key_head, slice.key, column, keys);
    v.read(on.v, key_head, slice.key, column, keys);
    k.transpose(columns);
    const std::size_t wide = k.padded_rows();
    std::fill_n(scores.begin(), q.rows.size() * wide, T{0});
    multiply_add(q.rows.size(), wide, k.step, q.values.data(), q.step, columns.data(), wide,
                 scores.data(), wide);
    rows_of_o.resize(q.rows.size());
    for (std::size_t i = 0; i < q.rows.size(); ++i) {
      const std::span line(&scores[i * wide], wide);
      for (std::size_t j = 0; j < wide; ++j) {
        const auto at = static_cast<Token>(j);
        const bool seen =
            at < keys && (!border || band.sees(row + static_cast<Token>(i), column + at));
        line[j] = seen ? line[j] * scale : -std::numeric_limits<T>::infinity();
      }
      rows_of_o[i] = (*on.o.rows)[slice.query.at(row + static_cast<Token>(i))];
      softmax.weigh(rows_of_o[i], line);
    }
    softmax.add(rows_of_o, scores.data(), v);
  });
}

}  // namespace

template <typename T>
void attend(const Attend& on, const HeadWork& heads, std::span<const Slice> slices,
            bool accumulate) {
  for (int head = heads.query.begin; head < heads.query.end; ++head) {
    Softmax<T> softmax(on.o, on.lse, head, accumulate);
    for (const Slice& slice : slices) {
      attend_slice(on, head, heads.key_head(head), slice, softmax);
    }
    softmax.write();
  }
}

template void attend<float>(const Attend&, const HeadWork&, std::span<const Slice>, bool);
template void attend<double>(const Attend&, const HeadWork&, std::span<const Slice>, bool);

}  // namespace hsap::host
