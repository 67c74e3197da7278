"""Brings some of many arrays into their sorted places, element by element, by exchanges of two."""

import functools
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Shaped


def ordered(values: Sequence[Shaped[Array, "..."]], wanted: tuple[int, ...]) -> list[Shaped[Array, "..."]]:
    """The arrays that stand in the `wanted` places when the values are sorted, element by element; no NaN, please."""
    places = list(values)
    for i, j in exchanges(len(places), wanted):
        a, b = places[i], places[j]
        swap = b < a
        places[i], places[j] = jnp.where(swap, b, a), jnp.where(swap, a, b)
    return [places[place] for place in wanted]


@functools.cache
def exchanges(count: int, wanted: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Pairs to be put in order, in turn, after which the `wanted` places hold what sorting would bring there.

    Batcher's odd-even merge sort of the next power of two, less the exchanges with places that would hold infinity and
    those that no wanted place depends on.
    """
    size = 1 << max(count - 1, 1).bit_length()
    pairs = []
    p = 1
    while p < size:
        k = p
        while k >= 1:
            for j in range(k % p, size - k, 2 * k):
                for i in range(min(k, size - j - k)):
                    if (i + j) // (2 * p) == (i + j + k) // (2 * p):
                        pairs.append((i + j, i + j + k))
            k //= 2
        p *= 2
    needed, kept = set(wanted), []
    for i, j in reversed([pair for pair in pairs if pair[1] < count]):
        if i in needed or j in needed:
            kept.append((i, j))
            needed |= {i, j}
    return tuple(reversed(kept))
