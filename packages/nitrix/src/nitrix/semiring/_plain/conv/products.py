"""The plain convolution of every algebra, with its derivative."""

from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from nitrix.semiring._plain.conv import euclidean, log, real, taps, tropical
from nitrix.semiring._plain.conv.nan import marked_nan
from nitrix.semiring._plain.conv.window import Window, channels_first, channels_last, pad, present
from nitrix.semiring._plain.log import value as log_value
from nitrix.semiring.algebra import Semiring
from nitrix.semiring.algebras import (
    BOOLEAN,
    EUCLIDEAN,
    LOG,
    REAL,
    TROPICAL_MAX_PLUS,
    TROPICAL_MIN_PLUS,
    builtin,
)
from nitrix.semiring.paired import Product, forward_only, paired


def boolean(x: Array, k: Array, window: Window) -> Array:
    """Whether any term is true: a count in float32 is positive, which no rounding changes."""
    return real.value(x.astype(jnp.float32), k.astype(jnp.float32), window) > 0


def streamed(semiring: Semiring[Any], window: Window) -> Product:
    """The convolution of any algebra, as its monoid and its (*) define it."""
    monoid, times = semiring.monoid, semiring.binary_op.combine

    def conv(x: Array, k: Array) -> Array:
        out, c_out = window.out(x.shape[:-1], k.shape[:-2]), k.shape[-1]
        images = (pad(channels_first(x), window, 0), present(x.shape[:-1], window, bool))

        def step(state: Any, a: tuple[Array, Array | None], b: Array, _: Array) -> Any:
            image, counts = a
            new = monoid.update(state, times(image, b))
            if counts is None:
                return new
            return jax.tree.map(lambda new, old: jnp.where(_over(counts, new), new, old), new, state)

        def block(row: Any, rows: int) -> Array:
            shape = (rows, *out[1:])
            state = monoid.init((c_out, *shape), x.dtype)
            if window.padded():
                _check_state(semiring, state, (c_out, *shape))
            return monoid.finalize(taps.fold(state, step, images, k, shape, window, row))

        return channels_last(taps.in_row_blocks(block, out, c_out))

    return conv


def _check_state(semiring: Semiring[Any], state: Any, shape: tuple[int, ...]) -> None:
    for array in jax.tree.leaves(state):
        if array.shape[: len(shape)] != shape:
            raise TypeError(
                f"semiring_conv: the state of the algebra {semiring.name!r} has an array of shape {array.shape} for "
                f"results of shape {shape}, so that its entries cannot be kept where a tap stands beyond the border; "
                f"let its arrays begin with the shape asked for, or take padding='VALID'."
            )


def _over(counts: Array, state: Array) -> Array:
    """The mask for an array of the state, whose entries may have axes of their own after the result's."""
    return counts.reshape(*counts.shape, *(1,) * (state.ndim - counts.ndim))


@cache
def definition(semiring: Semiring[Any], window: Window) -> Product | None:
    """A built-in convolution in plain JAX that is differentiable to every order; None for other algebras."""
    derivable: dict[Semiring[Any] | None, Any] = {
        REAL: real.conv,
        LOG: log.definition,
        TROPICAL_MAX_PLUS: partial(tropical.conv, largest=True),
        TROPICAL_MIN_PLUS: partial(tropical.conv, largest=False),
        EUCLIDEAN: euclidean.conv,
    }
    conv = derivable.get(builtin(semiring))
    return None if conv is None else lambda x, k: conv(x, k, window)


@cache
def product(semiring: Semiring[Any], window: Window) -> Product:
    """The plain convolution [*spatial, c_in], [*taps, c_in, c_out] -> [*out, c_out] of an algebra."""
    algebra, defined = builtin(semiring), definition(semiring, window)
    if algebra is BOOLEAN:
        return lambda x, k: boolean(x, k, window)
    if defined is None:
        return users(streamed(semiring, window), semiring)
    if algebra is LOG:

        def with_sums(x: Array, k: Array) -> tuple[Array, tuple[Array, Array]]:
            E, s = log.shift_and_sum(x, k, window)
            return marked_nan(log_value(E, s), x, k, window), (E, s)

        def pull(x: Array, k: Array, sums: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
            return log.gradient(x, k, window, *sums, g)

        return paired(lambda x, k: log.conv(x, k, window), with_sums, pull, defined)
    if algebra is EUCLIDEAN:

        def pull_distance(x: Array, k: Array, out: Array, g: Array) -> tuple[Array, Array]:
            return euclidean.gradient(x, k, window, out, g)

        return paired(defined, lambda x, k: (defined(x, k),) * 2, pull_distance, defined)
    # The ordinary and the tropical convolutions are differentiable as they are defined.
    return defined


def users(conv: Product, semiring: Semiring[Any]) -> Product:
    """A user's convolution, which no rule of the algebra differentiates."""
    return forward_only(
        conv,
        f"convolutions over the algebra {semiring.name!r} are forward-only; wrap the call in your own jax.custom_vjp.",
    )
