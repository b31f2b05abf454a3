// std::visit with lambdas: std::visit(Match{[](const A&) {...}, [](const B&) {...}}, variant).
#pragma once

namespace sluice {

template <class... F>
struct Match : F... {
  using F::operator()...;
};
template <class... F>
Match(F...) -> Match<F...>;

}  // namespace sluice
