"""Extrema over a weighted element: max of x(i + o) + h(o), one entry after the other.

The derivative is that of the entry which attains the maximum, of several the first in raster order: in the image at the
voxel there, and in the height of that entry.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Integer

from nitrix.morphology._element import Element
from nitrix.morphology._flat import at_voxels, voxel_numbers
from nitrix.morphology._lines import Layout, entry, fold, fold_numbered, samples
from nitrix.morphology._order import keys, values, weakest


@functools.partial(jax.jit, static_argnames=("element", "mode", "smallest"))
def weighted_extremum(
    x: Float[Array, "..."],
    heights: Float[Array, " entry"],
    outside: Float[Array, ""],
    *,
    element: Element,
    mode: str,
    smallest: bool,
) -> Float[Array, "..."]:
    """max of x + h over the element's entries, or min of x - h; an entry of height -inf takes no part."""
    working = np.dtype(np.float32) if x.dtype.itemsize <= 2 else x.dtype
    wide, beyond = x.astype(working), outside.astype(working)
    if smallest:
        return -_maximum(element, mode, -wide, heights.astype(working), -beyond).astype(x.dtype)
    return _maximum(element, mode, wide, heights.astype(working), beyond).astype(x.dtype)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _maximum(element: Element, mode: str, x: Array, heights: Array, outside: Array) -> Array:
    layout = Layout(x.shape[x.ndim - len(element.shape) :], element)
    line = layout.lay_out(x, mode=mode, outside=-np.inf if mode == "neutral" else outside)
    best = fold(len(heights), functools.partial(_term, layout, line, heights), _greater)
    return layout.image(best)


@_maximum.defjvp
def _(element: Element, mode: str, primals: tuple[Array, ...], tangents: tuple[Array, ...]) -> Any:
    x, heights, outside = primals
    moved, moved_heights, moved_outside = tangents
    rank = len(element.shape)
    shape = x.shape[x.ndim - rank :]
    layout = Layout(shape, element)
    line = layout.lay_out(x, mode=mode, outside=-np.inf if mode == "neutral" else outside)

    def numbered(number: Any) -> tuple[Array, Array]:
        value = _term(layout, line, heights, number)
        return value, jnp.full(value.shape, number, np.int32)

    def first_greatest(a: tuple[Array, Array], b: tuple[Array, Array]) -> tuple[Array, Array]:
        second = (b[0] > a[0]) | (jnp.isnan(b[0]) & ~jnp.isnan(a[0]))
        return jnp.where(second, b[0], a[0]), jnp.where(second, b[1], a[1])

    best, number = fold_numbered(len(heights), numbered, first_greatest)
    # The numbers of the voxels along the line, past the last one where there is none.
    numbers = voxel_numbers(shape, rank)
    along = layout.lay_out(numbers, mode=mode, outside=np.iinfo(numbers.dtype).max)
    at = jnp.asarray(layout.shifts(element.entries).astype(numbers.dtype))[number]
    at += lax.broadcasted_iota(at.dtype, at.shape, at.ndim - 1)
    voxel = along.at[at].get(mode="promise_in_bounds")
    nothing, number, voxel = (layout.image(line) for line in (jnp.isneginf(best), number, voxel))
    if mode != "constant":
        outside, moved_outside = jnp.full_like(outside, -np.inf), jnp.zeros_like(outside)
    # The sum once more, since those of the loop have no derivative here, which a second one would need.
    value = at_voxels(x, voxel, rank, outside) + heights[number]
    change = at_voxels(moved, voxel, rank, moved_outside) + moved_heights[number]
    return (
        jnp.where(nothing, jnp.full_like(value, -np.inf), value),
        jnp.where(nothing, jnp.zeros_like(change), change),
    )


def _term(layout: Layout, line: Array, heights: Array, number: Any) -> Array:
    shifts = layout.shifts(layout.element.entries)
    value = samples(line, entry(shifts, number), layout.length)
    height = heights[number]
    # Not the sum: it would be NaN where the value is infinite, and a NaN that takes no part would count.
    return jnp.where(jnp.isneginf(height), jnp.full_like(value, -np.inf), value + height)


def _greater(a: Array, b: Array) -> Array:
    return jnp.where((b > a) | jnp.isnan(b), b, a)


@functools.partial(jax.jit, static_argnames=("element", "mode", "smallest"))
def weighted_integers(
    x: Integer[Array, "..."],
    heights: tuple[Integer[Array, " entry"], Integer[Array, " entry"]],
    outside: Integer[Array, ""],
    *,
    element: Element,
    mode: str,
    smallest: bool,
) -> Integer[Array, "..."]:
    """The same of integers, sums beyond the dtype's ends held there; heights as what they add and what they take."""
    key = keys(x, smallest=smallest)
    layout = Layout(x.shape[x.ndim - len(element.shape) :], element)
    beyond = weakest(key.dtype) if mode == "neutral" else keys(outside, smallest=smallest)
    line = layout.lay_out(key, mode=mode, outside=beyond)
    # What is beyond a neutral border is no number that a height could be added to.
    present = None
    if mode == "neutral":
        present = layout.lay_out(jnp.ones(key.shape, np.uint8), mode=mode, outside=0)
    shifts = layout.shifts(element.entries)
    least, most = (
        np.asarray(end, key.dtype)[()] for end in (np.iinfo(key.dtype).min, np.iinfo(key.dtype).max)
    )

    def term(number: Any) -> Array:
        start = entry(shifts, number)
        up, down = heights[0][number], heights[1][number]
        value = samples(line, start, layout.length)
        value = jnp.clip(value, least + down, most - up) + up - down
        if present is None:
            return value
        here = samples(present, start, layout.length) > np.uint8(0)
        return jnp.where(here, value, jnp.full_like(value, least))

    best = layout.image(fold(len(element.entries), term, lax.max))
    return values(best, x.dtype, smallest=smallest)
