"""Sums over the shifted copies of an image, without a table of neighbours.

An image is laid out as one line, each row followed by as many fill values as the window reaches. The gap keeps a row's
end from its successor's start, so that every shift in space is a shift along the line, whatever the number of axes.
The line is cut into blocks whose sums stay in the cache while all shifts pass over them.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Inexact, Int

BLOCK = 1 << 16  # samples that all channels of a block have together, about
_STEP = 16  # samples that lengths are rounded up to

_NUMBER = np.int32(0)
Lines = tuple[Inexact[Array, "..."], ...]


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Window:
    """A box of voxels round each voxel of an image of the given shape, with or without its centre."""

    shape: tuple[int, ...]
    radius: tuple[int, ...]
    centre: bool = True

    @functools.cached_property
    def offsets(self) -> np.ndarray:
        """[neighbour, axis], in voxels."""
        every = np.array(list(itertools.product(*(range(-r, r + 1) for r in self.radius))), np.int32)
        every = every.reshape(-1, len(self.shape))
        return every if self.centre else every[(every != 0).any(axis=1)]

    @functools.cached_property
    def shifts(self) -> np.ndarray:
        """The same along the line."""
        return (self.offsets * self._strides).sum(axis=1).astype(np.int32)

    @functools.cached_property
    def _padded(self) -> tuple[int, ...]:
        # Beyond the ends of the slowest axis lies the margin.
        gaps = (0, *self.radius[1:])
        return tuple(n + gap for n, gap in zip(self.shape, gaps, strict=True))

    @functools.cached_property
    def _strides(self) -> np.ndarray:
        return np.array([math.prod(self._padded[axis + 1 :]) for axis in range(len(self.shape))])

    @functools.cached_property
    def margin(self) -> int:
        """Samples before and after the line, as many as the farthest shift."""
        return int((self._strides * np.array(self.radius)).sum())

    @property
    def length(self) -> int:
        """Samples of the line, gaps included."""
        return math.prod(self._padded)

    def lay_out(self, image: Inexact[Array, "..."], fill: float, covered: int) -> Inexact[Array, "..."]:
        """The spatial axes as a line of `covered` samples and two margins."""
        leading = image.ndim - len(self.shape)
        gaps = [(0, p - n) for n, p in zip(self.shape, self._padded, strict=True)]
        value = np.asarray(fill, image.dtype)
        line = jnp.pad(image, [(0, 0)] * leading + gaps, constant_values=value)
        line = line.reshape(*image.shape[:leading], self.length)
        ends = (self.margin, self.margin + covered - self.length)
        return jnp.pad(line, [(0, 0)] * leading + [ends], constant_values=value)

    def take_back(self, line: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        """A line without margins as an image."""
        image = line[..., : self.length].reshape(*line.shape[:-1], *self._padded)
        return image[(..., *(slice(n) for n in self.shape))]


def sweep(
    window: Window,
    images: Sequence[tuple[Inexact[Array, "..."], float]],
    weigh: Callable[[Lines, Lines, Int[Array, ""]], Lines],
    term: Callable[[Lines, Lines, Lines, Int[Array, ""]], Lines],
    finish: Callable[[Lines, Lines], tuple[Lines, Lines]],
    *,
    chunk: int,
    ahead: bool,
) -> tuple[Lines, Lines]:
    """Add `term` up over all neighbours, then apply `finish` to the sums; nothing larger than some blocks is kept.

    `images` are arrays [..., *spatial] with what stands beyond their borders. `weigh(here, there, j)` sees the lines of
    a block and the same lines at its neighbour j, and gives what `term(weights, here, there, j)` needs for the arrays
    to be added up; j == len(offsets) is a neighbour to be ignored, whose term must be 0. `finish(here, sums)` gives
    arrays [..., sample] that become images, and arrays without samples that are added up over the blocks.

    Neighbours are taken by the `chunk`. The compiler computes weights anew for every sum that needs them; `ahead` has
    them computed once, one chunk ahead of their use, so that they come from memory, which pays for many cheap sums.
    """
    widest = max(math.prod(image.shape[: image.ndim - len(window.shape)]) for image, _ in images)
    blocks = max(1, round(window.length * widest / BLOCK))
    size = math.ceil(window.length / blocks / _STEP) * _STEP
    blocks = -(-window.length // size)
    lines = tuple(window.lay_out(image, fill, blocks * size) for image, fill in images)
    count = len(window.offsets)
    chunk = min(chunk, max(count, 1))
    ragged = -count % chunk
    numbers = np.concatenate([np.arange(count), np.full(ragged, count)]).astype(np.int32).reshape(-1, chunk)
    shifts = np.concatenate([window.shifts, np.zeros(ragged, np.int32)]).reshape(-1, chunk)

    def at(start: Any) -> Lines:
        return tuple(lax.dynamic_slice_in_dim(line, start, size, axis=-1) for line in lines)

    def block(start: Any) -> tuple[Lines, Lines]:
        here = at(start + window.margin)

        def there(i: Any, k: int) -> tuple[Lines, Int[Array, ""]]:
            return at(start + window.margin + jnp.asarray(shifts)[i, k]), jnp.asarray(numbers)[i, k]

        def weights_of(i: Any) -> tuple[Lines, ...]:
            return tuple(weigh(here, *there(i, k)) for k in range(chunk))

        def body(i: Any, state: tuple[Lines, tuple[Lines, ...]]) -> tuple[Lines, tuple[Lines, ...]]:
            sums, weights = state
            if not ahead:
                weights = weights_of(i)
            for k in range(chunk):
                more = term(weights[k], here, *there(i, k))
                sums = tuple(s + m for s, m in zip(sums, more, strict=True))
            return sums, weights_of(jnp.minimum(i + 1, len(numbers) - 1)) if ahead else ()

        first = weights_of(0) if ahead else ()
        forms = jax.eval_shape(lambda j: term(weigh(here, here, j), here, here, j), _NUMBER)
        zeros = tuple(jnp.zeros(form.shape, form.dtype) for form in forms)
        return finish(here, lax.fori_loop(0, len(numbers), body, (zeros, first))[0])

    if blocks == 1:
        mapped, added = block(0)
    else:
        forms = jax.eval_shape(block, _NUMBER)
        whole = (
            tuple(jnp.zeros((*form.shape[:-1], blocks * size), form.dtype) for form in forms[0]),
            tuple(jnp.zeros(form.shape, form.dtype) for form in forms[1]),
        )

        def place(b: Any, so_far: tuple[Lines, Lines]) -> tuple[Lines, Lines]:
            mapped, added = block(b * size)
            out = (
                lax.dynamic_update_slice_in_dim(line, part, b * size, axis=-1)
                for line, part in zip(so_far[0], mapped, strict=True)
            )
            return tuple(out), tuple(a + m for a, m in zip(so_far[1], added, strict=True))

        mapped, added = lax.fori_loop(0, blocks, place, whole)
    return tuple(window.take_back(line) for line in mapped), added
