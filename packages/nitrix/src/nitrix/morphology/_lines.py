"""An extended image laid out as one line, along which every shift in space is a shift of the line."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array
from numpy.typing import NDArray

from nitrix.morphology._borders import extend, places
from nitrix.morphology._element import Element

T = TypeVar("T")

TERMS = 16  # in one loop's body: with more of them XLA's code for a CPU is no longer in vectors


@dataclasses.dataclass(frozen=True)
class Layout:
    """The line of an image of the given shape, extended by what an element reaches."""

    shape: tuple[int, ...]
    element: Element

    @functools.cached_property
    def extended(self) -> tuple[int, ...]:
        """The image's shape with its border."""
        return tuple(n + k - 1 for n, k in zip(self.shape, self.element.shape, strict=True))

    @functools.cached_property
    def _strides(self) -> NDArray[np.int64]:
        return np.array([math.prod(self.extended[axis + 1 :]) for axis in range(len(self.shape))], np.int64)

    @property
    def length(self) -> int:
        """Samples of the line of results, some of which lie between the rows of the image."""
        return self.shape[0] * math.prod(self.extended[1:])

    def shifts(self, entries: NDArray[np.int64]) -> NDArray[Any]:
        """How far along the line the entries [entry, axis] of the element are."""
        return (entries @ self._strides).astype(places(self.extended))

    def line(self, extended: Array, fill: Any) -> Array:
        """An extended image as a line that the farthest shift does not leave."""
        leading = extended.shape[: extended.ndim - len(self.shape)]
        line = extended.reshape(*leading, math.prod(self.extended))
        beyond = int(self.shifts(np.array(self.element.shape) - 1)) + self.length - line.shape[-1]
        return lax.pad(line, jnp.asarray(fill, line.dtype), [(0, 0, 0)] * len(leading) + [(0, beyond, 0)])

    def lay_out(self, x: Array, *, mode: str, outside: Any) -> Array:
        """An image as such a line; what its end holds, where no result looks, is anything."""
        rank = len(self.shape)
        leading = x.ndim - rank
        end = 1 if rank > 1 else 0  # of the slowest axis, which is more than the farthest shift needs
        before, after = self.element.before, self.element.after
        if mode in ("neutral", "constant"):
            after = (after[0] + end, *after[1:])
            widths = [(b, a, 0) for b, a in zip(before, after, strict=True)]
            x = lax.pad(x, jnp.asarray(outside, x.dtype), [(0, 0, 0)] * leading + widths)
        else:
            for axis in range(rank):
                x = extend(x, leading + axis, before[axis], after[axis], mode=mode, outside=outside)
            x = extend(x, leading, 0, end, mode="constant", outside=0)
        return x.reshape(*x.shape[:leading], -1)

    def image(self, line: Array) -> Array:
        """A line of results as an image."""
        rows = line.reshape(*line.shape[:-1], self.shape[0], *self.extended[1:])
        return rows[(..., *(slice(n) for n in self.shape))]


def fold(
    count: int,
    term: Callable[[Any], T],
    join: Callable[[T, T], T],
    start: T | None = None,
    *,
    terms: int = TERMS,
    unrolled: int = 2 * TERMS,
) -> T:
    """join(... join(join(start, term(0)), term(1)) ..., term(count - 1)), in a loop of some `terms` if there are many.

    `term` is given a number of the host or a traced one. Terms may come twice at the end.
    """
    if count <= unrolled:
        every = [term(number) for number in range(count)]
        return functools.reduce(join, every if start is None else [start, *every])
    terms = min(terms, count)

    def body(chunk: Any, so_far: T) -> T:
        first = jnp.minimum(chunk * terms, count - terms)
        for k in range(terms):
            so_far = join(so_far, term(first + k))
        return so_far

    return lax.fori_loop(0, -(-count // terms), body, term(0) if start is None else start)


def fold_numbered(
    count: int, term: Callable[[Any], T], join: Callable[[T, T], T], start: T | None = None
) -> T:
    """The same where each term carries numbers too, which compile longer: always a loop, of short bodies."""
    return fold(count, term, join, start, terms=4, unrolled=0)


def samples(line: Array, start: Any, size: int) -> Array:
    """A part of the line from a start of the host or a traced one."""
    if isinstance(start, (int, np.integer)):
        return lax.slice_in_dim(line, int(start), int(start) + size, axis=-1)
    return lax.dynamic_slice_in_dim(line, start, size, axis=-1)


def entry(table: NDArray[Any], number: Any) -> Any:
    """A number of a table of the host, at a place of the host or a traced one."""
    return table[number] if isinstance(number, int) else jnp.asarray(table)[number]
