"""How a streaming forward and its paired streaming backward become one differentiable function."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix.semiring.algebra import EllMatmulResiduals, MatmulResiduals, Semiring

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

    def dense(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda given, *operands: function(*operands)

    product = paired_given(dense(value), dense(value_and_statistics), dense(backward), dense(definition))
    return lambda A, B: product((), A, B)


def paired_given(
    value: Callable[[Any, Any, Array], Array],
    value_and_statistics: Callable[[Any, Any, Array], tuple[Array, Any]],
    backward: Callable[[Any, Any, Array, Any, Array], tuple[Any, Array]],
    definition: Callable[[Any, Any, Array], Array],
) -> Callable[[Any, Any, Array], Array]:
    """`paired` for functions of (given, A, B): `given` is any structure of integers, A any structure of real arrays."""

    @jax.custom_jvp
    def forward(given: Any, A: Any, B: Array) -> tuple[Array, Any]:
        return value_and_statistics(given, A, B)

    @forward.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        out, statistics = forward(*primals)
        _, d_out = jax.jvp(partial(definition, primals[0]), primals[1:], tangents[1:])
        return (out, statistics), (d_out, jax.tree.map(_no_tangent, statistics))

    # A function of A, B and g alone: the statistics only spare it work.
    @jax.custom_jvp
    def gradient(given: Any, A: Any, B: Array, statistics: Any, g: Array) -> tuple[Any, Array]:
        return backward(given, A, B, statistics, g)

    @gradient.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        (given, A, B, _, g), (_, dA, dB, _, dg) = primals, tangents
        pulled = lambda A, B, g: jax.vjp(partial(definition, given), A, B)[1](g)  # noqa: E731
        return gradient(*primals), jax.jvp(pulled, (A, B, g), (dA, dB, dg))[1]

    @jax.custom_vjp
    def product(given: Any, A: Any, B: Array) -> Array:
        return value(given, A, B)

    def remember(given: Any, A: Any, B: Array) -> tuple[Array, Any]:
        out, statistics = forward(given, A, B)
        return out, (given, A, B, statistics)

    product.defvjp(remember, lambda kept, g: (None, *gradient(*kept, g)))
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


def with_users_ell_rule(
    forward: Callable[[Any, Array], Array], semiring: Semiring[Any]
) -> Callable[[Any, Array], Array]:
    """A user's product of slots and a dense matrix, likewise."""
    rule = semiring.ell_matmul_vjp
    if rule is None:
        return forward_only(
            forward,
            f"ELL products over the algebra {semiring.name!r} are forward-only, since it carries no ell_matmul_vjp: "
            f"give it one, or wrap the call in your own jax.custom_vjp.",
        )
    product = jax.custom_vjp(forward)

    def remember(slots: Any, B: Array) -> tuple[Array, Any]:
        out = product(slots, B)
        valid = slots.counting()
        valid = jnp.ones(slots.indices.shape, bool) if valid is None else valid
        return out, (slots, EllMatmulResiduals(slots.values, slots.indices, valid, B, out))

    def backward(kept: Any, g: Array) -> tuple[Any, Array]:
        slots, residuals = kept
        d_values, dB = rule(residuals, g)
        return slots._replace(values=d_values, indices=None, valid=None), dB

    product.defvjp(remember, backward)
    return product


def _no_tangent(x: Array) -> Any:
    """The tangent of a constant: JAX wants float0 for integers."""
    inexact = jnp.issubdtype(x.dtype, jnp.inexact)
    return jnp.zeros_like(x) if inexact else np.zeros(x.shape, jax.dtypes.float0)
