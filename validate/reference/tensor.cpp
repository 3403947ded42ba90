#include "hsap/execute.hpp"

namespace hsap {

Tensor::Tensor(Token tokens_in, int heads_in, int width_in, double value)
    : tokens(tokens_in),
      heads(heads_in),
      width(width_in),
      values(static_cast<std::size_t>(tokens) * static_cast<std::size_t>(heads) *
                 static_cast<std::size_t>(width),
             value) {}

std::span<double> Tensor::row(Token token, int head) {
  const auto span = static_cast<std::size_t>(width);
  const std::size_t place = static_cast<std::size_t>(token) * static_cast<std::size_t>(heads) +
                            static_cast<std::size_t>(head);
  return std::span(values).subspan(place * span, span);
}

std::span<const double> Tensor::row(Token token, int head) const {
  const auto span = static_cast<std::size_t>(width);
  const std::size_t place = static_cast<std::size_t>(token) * static_cast<std::size_t>(heads) +
                            static_cast<std::size_t>(head);
  return std::span(values).subspan(place * span, span);
}

}  // namespace hsap
