"""Extrema over a flat element: boxes axis by axis, other shapes as runs along the last axis.

The derivative is that of the voxel which attains the extremum, of several the first in raster order. Its number is
carried through the same passes as the extremum itself; differentiating through the passes would keep a mask for each.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Shaped

from nitrix.morphology._borders import extend, places, voxel_shown
from nitrix.morphology._element import Element, runs
from nitrix.morphology._lines import Layout, entry, fold, samples
from nitrix.morphology._order import State, keys, running, stronger, values, weakest


@functools.partial(jax.jit, static_argnames=("element", "mode", "smallest"))
def flat_extremum(
    x: Shaped[Array, "..."], outside: Shaped[Array, ""], *, element: Element, mode: str, smallest: bool
) -> Shaped[Array, "..."]:
    """The extremum over the voxels at the element's offsets; the last axes of `x` are the element's."""
    if jnp.issubdtype(x.dtype, jnp.floating):
        return _differentiable(element, mode, smallest, x, outside)
    return _value(element, mode, smallest, x, outside)


def _value(element: Element, mode: str, smallest: bool, x: Array, outside: Array) -> Array:
    state = (keys(x, smallest=smallest),)
    (key,) = _passes(state, _key_outside(state[0], outside, mode, smallest), element, mode)
    return values(key, x.dtype, smallest=smallest)


_differentiable = jax.custom_jvp(_value, nondiff_argnums=(0, 1, 2))


@_differentiable.defjvp
def _(
    element: Element, mode: str, smallest: bool, primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Array, Array]:
    x, outside = primals
    moved, moved_outside = tangents
    rank = len(element.shape)
    shape = x.shape[x.ndim - rank :]
    key = keys(x, smallest=smallest)
    place = jnp.zeros(x.shape, places(tuple(n + k for n, k in zip(shape, element.shape, strict=True))))
    key, place = _passes((key, place), _key_outside(key, outside, mode, smallest), element, mode)
    voxel, inside = voxel_shown(place, shape, element.before, element.after, mode)
    beyond = moved_outside if mode == "constant" else jnp.zeros_like(moved_outside)
    change = jnp.where(inside, at_voxels(moved, voxel, rank), beyond)
    return values(key, x.dtype, smallest=smallest), change


def strongest(state: State, element: Element) -> State:
    """The strongest of the keys at the element's offsets, and what stands beside it in a state of two."""
    nothing = weakest(state[0].dtype)
    if len(state) == 1:
        return _passes(state, nothing, element, "neutral")
    rank = len(element.shape)
    shape = state[0].shape[state[0].ndim - rank :]
    place = jnp.zeros(state[0].shape, places(tuple(n + k for n, k in zip(shape, element.shape, strict=True))))
    key, place = _passes((state[0], place), nothing, element, "neutral")
    voxel, _ = voxel_shown(place, shape, element.before, element.after, "neutral")
    return key, at_voxels(state[1], voxel, rank)


def at_voxels(x: Array, voxel: Array, rank: int) -> Array:
    """x at the flat numbers of voxels, within each image of the batch."""
    leading = x.shape[: x.ndim - rank]
    size = math.prod(x.shape[x.ndim - rank :])
    found = jax.vmap(_pick)(x.reshape(math.prod(leading), size), voxel.reshape(math.prod(leading), -1))
    return found.reshape(voxel.shape)


def _pick(x: Array, numbers: Array) -> Array:
    return x.at[numbers].get(mode="promise_in_bounds")


def _key_outside(key: Array, outside: Array, mode: str, smallest: bool) -> Any:
    return weakest(key.dtype) if mode == "neutral" else keys(outside, smallest=smallest)


def _passes(state: State, outside: Any, element: Element, mode: str) -> State:
    return (_box if element.is_box else _shape)(state, outside, element, mode)


def _extended(state: State, axis: int, before: int, after: int, outside: Any, mode: str) -> State:
    fills = (outside, 0)
    return tuple(
        extend(x, axis, before, after, mode=mode, outside=fill) for x, fill in zip(state, fills, strict=False)
    )


def _numbered(state: State, axis: int, stride: int) -> State:
    """The state with the place along an axis added to its numbers, if it has any."""
    if len(state) == 1:
        return state
    key, place = state
    return key, place + stride * lax.broadcasted_iota(place.dtype, place.shape, axis)


def _box(state: State, outside: Any, element: Element, mode: str) -> State:
    rank = len(element.shape)
    leading = state[0].ndim - rank
    stride = 1
    for axis in reversed(range(rank)):
        n, k = state[0].shape[leading + axis], element.shape[axis]
        if k > 1:
            state = _extended(state, leading + axis, element.before[axis], element.after[axis], outside, mode)
        state = running(_numbered(state, leading + axis, stride), leading + axis, k)
        stride *= n + k - 1
    return state


def _shape(state: State, outside: Any, element: Element, mode: str) -> State:
    rank = len(element.shape)
    leading = state[0].ndim - rank
    layout = Layout(state[0].shape[leading:], element)
    for axis in range(rank):
        state = _extended(state, leading + axis, element.before[axis], element.after[axis], outside, mode)
    line = tuple(layout.line(x, fill) for x, fill in zip(state, (weakest(state[0].dtype), 0), strict=False))
    line = _numbered(line, leading, 1)
    found: State | None = None
    for length, first in runs(element).items():
        stretch = running(line, leading, length)
        shifts = layout.shifts(first)
        term = functools.partial(_shifted, stretch, shifts, layout.length)
        best = fold(len(shifts), term, stronger)
        found = best if found is None else stronger(found, best)
    assert found is not None, "an element has entries"
    return tuple(layout.image(x) for x in found)


def _shifted(line: State, shifts: np.ndarray, size: int, number: Any) -> State:
    start = entry(shifts, number)
    return tuple(samples(x, start, size) for x in line)
