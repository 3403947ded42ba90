#include <cmath>
#include <limits>
#include <vector>

#include "validate/host/kernels.hpp"

namespace hsap::host {
namespace {

/// One row and head of a buffer as T.
template <typename T>
std::vector<T> read(const View& view, Token token, int head) {
  std::vector<T> values(view.width);
  load(view.element, view.at((*view.rows)[token], head), view.width, values.data());
  return values;
}

template <typename T>
void write(const View& view, Token token, int head, const std::vector<T>& values) {
  store(view.element, values.data(), view.width, view.at((*view.rows)[token], head));
}

}  // namespace

template <typename T>
void row_products(const View& o, const View& dout, const View& delta, HeadRange heads) {
  for (const Token token : delta.rows->tokens()) {
    for (int head = heads.begin; head < heads.end; ++head) {
      const std::vector<T> a = read<T>(o, token, head);
      const std::vector<T> b = read<T>(dout, token, head);
      T sum = 0;
      for (std::size_t d = 0; d < a.size(); ++d) sum += a[d] * b[d];
      write(delta, token, head, std::vector<T>{sum});
    }
  }
}

template <typename T>
void merge(const View& part_o, const View& part_lse, const View& o, const View& lse,
           HeadRange heads) {
  constexpr T nothing = -std::numeric_limits<T>::infinity();  // lse of a row that saw no key
  for (const Token token : part_o.rows->tokens()) {
    for (int head = heads.begin; head < heads.end; ++head) {
      const T before = read<T>(lse, token, head)[0];
      const T part = read<T>(part_lse, token, head)[0];
      if (before == nothing && part == nothing) continue;
      const T top = std::max(before, part);
      const T sum = std::exp(before - top) + std::exp(part - top);
      const T keep = std::exp(before - top) / sum;
      const T take = std::exp(part - top) / sum;
      std::vector<T> values = read<T>(o, token, head);
      const std::vector<T> others = read<T>(part_o, token, head);
      for (std::size_t d = 0; d < values.size(); ++d) {
        values[d] = keep * values[d] + take * others[d];
      }
      write(o, token, head, values);
      write(lse, token, head, std::vector<T>{top + std::log(sum)});
    }
  }
}

template <typename T>
void move_rows(const View& from, const View& to, std::span<const Token> tokens, HeadRange heads,
               bool add) {
  for (const Token token : tokens) {
    for (int head = heads.begin; head < heads.end; ++head) {
      std::vector<T> values = read<T>(from, token, head);
      if (add) {
        const std::vector<T> before = read<T>(to, token, head);
        for (std::size_t d = 0; d < values.size(); ++d) values[d] += before[d];
      }
      write(to, token, head, values);
    }
  }
}

template void row_products<float>(const View&, const View&, const View&, HeadRange);
template void row_products<double>(const View&, const View&, const View&, HeadRange);
template void merge<float>(const View&, const View&, const View&, const View&, HeadRange);
template void merge<double>(const View&, const View&, const View&, const View&, HeadRange);
template void move_rows<float>(const View&, const View&, std::span<const Token>, HeadRange, bool);
template void move_rows<double>(const View&, const View&, std::span<const Token>, HeadRange, bool);

}  // namespace hsap::host
