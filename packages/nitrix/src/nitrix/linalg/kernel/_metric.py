"""How features are weighed: not at all, each by itself, or by a matrix."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from nitrix._arguments import known_numbers, real_array


class Metric(NamedTuple):
    """At most one of the two is given."""

    diagonal: Float[Array, "... 1 d"] | None = None
    matrix: Float[Array, "... d d"] | None = None

    def times(self, X: Float[Array, "... n d"]) -> Float[Array, "... n d"]:
        """The rows of X, weighed: X theta."""
        if self.diagonal is not None:
            return X * self.diagonal
        return X if self.matrix is None else inner(X, jnp.swapaxes(self.matrix, -1, -2))

    def symmetric(self) -> "Metric":
        """The symmetric part, which is all that a quadratic form depends on."""
        if self.matrix is None:
            return self
        return Metric(matrix=(self.matrix + jnp.swapaxes(self.matrix, -1, -2)) / 2)

    def as_dtype(self, dtype: Any) -> "Metric":
        return Metric(*(None if x is None else x.astype(dtype) for x in self))


def inner(X: Float[Array, "... n d"], Y: Float[Array, "... m d"]) -> Float[Array, "... n m"]:
    """X Y', to the full precision of the dtype."""
    return jnp.matmul(X, jnp.swapaxes(Y, -1, -2), precision=lax.Precision.HIGHEST)


def metric_of(theta: Any, d: int, function: str, *, squares: bool = True, weighs: bool = False) -> Metric:
    """The metric that `theta` stands for: a matrix only where `squares`, no negative weights where `weighs`."""
    if theta is None:
        return Metric()
    weights = real_array(theta, function, "theta")
    diagonal = weights.shape == (d,) or (weights.ndim >= 2 and weights.shape[-2:] == (1, d))
    if not diagonal and (weights.ndim < 2 or weights.shape[-2:] != (d, d)):
        raise ValueError(
            f"{function}: theta has shape {weights.shape}, but there are {d} features; give a vector [{d}], "
            f"{f'a matrix [... {d} {d}], ' if squares else ''}or a batch of diagonals [... 1 {d}]."
        )
    if not diagonal:
        if not squares:
            raise ValueError(
                f"{function}: theta of shape {weights.shape} is a matrix, which absolute differences cannot be weighed "
                f"by; give a vector [{d}], or a batch of diagonals [... 1 {d}]."
            )
        return Metric(matrix=weights)
    known = known_numbers(weights) if weighs else None
    if known is not None and known.size and known.min() < 0:
        raise ValueError(
            f"{function}: theta weighs a feature by {known.min()}; weights must not be negative."
        )
    return Metric(diagonal=weights[None] if weights.ndim == 1 else weights)
