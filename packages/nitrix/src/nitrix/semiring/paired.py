"""How a streaming forward and its paired streaming backward become one differentiable function."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix.semiring.algebra import MatmulResiduals, Semiring

Product = Callable[[Array, Array], Array]


def paired(
    value: Product,
    value_and_statistics: Callable[[Array, Array], tuple[Array, Any]],
    backward: Callable[[Array, Array, Any, Array], tuple[Array, Array]],
    definition: Product,
) -> Product:
    """A product whose reverse mode runs `backward`, and whose higher derivatives are those of `definition`.

    `backward(A, B, statistics, g)` gives the cotangents of A and B. `definition` is the same product in plain JAX,
    slower perhaps, differentiable in both modes and to every order; it is run for second derivatives only. Forward mode
    of the first derivative is refused by JAX, as for every `custom_vjp`; forward over reverse is not.
    """

    @jax.custom_jvp
    def forward(A: Array, B: Array) -> tuple[Array, Any]:
        return value_and_statistics(A, B)

    @forward.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        out, statistics = forward(*primals)
        _, d_out = jax.jvp(definition, primals, tangents)
        return (out, statistics), (d_out, jax.tree.map(_no_tangent, statistics))

    # A function of A, B and g alone: the statistics only spare it work.
    @jax.custom_jvp
    def gradient(A: Array, B: Array, statistics: Any, g: Array) -> tuple[Array, Array]:
        return backward(A, B, statistics, g)

    @gradient.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        (A, B, _, g), (dA, dB, _, dg) = primals, tangents
        pulled = lambda A, B, g: jax.vjp(definition, A, B)[1](g)  # noqa: E731
        return gradient(*primals), jax.jvp(pulled, (A, B, g), (dA, dB, dg))[1]

    @jax.custom_vjp
    def product(A: Array, B: Array) -> Array:
        return value(A, B)

    def remember(A: Array, B: Array) -> tuple[Array, Any]:
        out, statistics = forward(A, B)
        return out, (A, B, statistics)

    product.defvjp(remember, lambda kept, g: gradient(*kept, g))
    return product


def forward_only(function: Callable[..., Array], why: str) -> Callable[..., Array]:
    """A function whose differentiation raises a TypeError in words."""
    guarded = jax.custom_jvp(function)

    @guarded.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        raise TypeError(why)

    return guarded


def with_users_rule(forward: Product, semiring: Semiring[Any]) -> Product:
    """A user's product: differentiable by the rule that the algebra carries, else forward-only."""
    rule = semiring.matmul_vjp
    if rule is None:
        return forward_only(
            forward,
            f"products over the algebra {semiring.name!r} are forward-only, since it carries no matmul_vjp: give it "
            f"one, or wrap the call in your own jax.custom_vjp.",
        )
    product = jax.custom_vjp(forward)

    def remember(A: Array, B: Array) -> tuple[Array, MatmulResiduals]:
        out = product(A, B)
        return out, MatmulResiduals(A, B, out)

    product.defvjp(remember, rule)
    return product


def _no_tangent(x: Array) -> Any:
    """The tangent of a constant: JAX wants float0 for integers."""
    inexact = jnp.issubdtype(x.dtype, jnp.inexact)
    return jnp.zeros_like(x) if inexact else np.zeros(x.shape, jax.dtypes.float0)
