"""Extrema over a flat element: boxes axis by axis, other shapes as runs along the last axis.

The derivative is that of the voxel which attains the extremum, of several the one of the lowest number, and of a voxel
rather than of the border. Its number is carried through the same passes as the extremum itself; differentiating through
the passes would keep a mask for each.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Integer, Shaped

from nitrix.morphology._borders import extend, places
from nitrix.morphology._element import Element, runs
from nitrix.morphology._lines import Layout, entry, fold, fold_numbered, samples
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
    key = keys(x, smallest=smallest)
    state = (key, voxel_numbers(x.shape, rank))
    _, voxel = _passes(state, _key_outside(key, outside, mode, smallest), element, mode)
    # The values are looked up too, since the keys have no derivative, which a second one would need.
    if mode != "constant":
        outside, moved_outside = (
            jnp.full_like(outside, np.inf if smallest else -np.inf),
            jnp.zeros_like(outside),
        )
    return at_voxels(x, voxel, rank, outside), at_voxels(moved, voxel, rank, moved_outside)


def strongest(state: State, element: Element) -> State:
    """The strongest of the keys at the element's offsets, and what stands beside it in a state of two."""
    return _passes(state, weakest(state[0].dtype), element, "neutral")


def voxel_numbers(shape: tuple[int, ...], rank: int) -> Integer[Array, "..."]:
    """The number of each voxel within its image, in raster order."""
    spatial = shape[len(shape) - rank :]
    number = jnp.arange(math.prod(spatial), dtype=places(spatial))
    return jnp.broadcast_to(number.reshape(spatial), shape)


def at_voxels(x: Array, voxel: Array, rank: int, beyond: Any = 0) -> Array:
    """x at voxels given by number within each image of the batch; `beyond` where the number is past the last."""
    leading = x.shape[: x.ndim - rank]
    size = math.prod(x.shape[x.ndim - rank :])
    flat, numbers = x.reshape(math.prod(leading), size), voxel.reshape(math.prod(leading), -1)
    found = jax.vmap(_pick)(flat, jnp.minimum(numbers, size - 1)).reshape(voxel.shape)
    return jnp.where(voxel < size, found, jnp.asarray(beyond, x.dtype))


def _pick(x: Array, numbers: Array) -> Array:
    return x.at[numbers].get(mode="promise_in_bounds")


def _key_outside(key: Array, outside: Array, mode: str, smallest: bool) -> Any:
    return weakest(key.dtype) if mode == "neutral" else keys(outside, smallest=smallest)


def _passes(state: State, outside: Any, element: Element, mode: str) -> State:
    return (_box if element.is_box else _shape)(state, outside, element, mode)


def _box(state: State, outside: Any, element: Element, mode: str) -> State:
    rank = len(element.shape)
    for axis in reversed(range(rank)):
        at = state[0].ndim - rank + axis
        # Two lengths of the image hold all that there is to see, whatever the mode.
        before, after = (
            min(reach[axis], 2 * state[0].shape[at]) for reach in (element.before, element.after)
        )
        state = tuple(
            extend(x, at, before, after, mode=mode, outside=fill)
            for x, fill in zip(state, _fills(state, outside), strict=True)
        )
        state = running(state, at, before + 1 + after)
    return state


def _shape(state: State, outside: Any, element: Element, mode: str) -> State:
    leading = state[0].ndim - len(element.shape)
    layout = Layout(state[0].shape[leading:], element)
    line = tuple(
        layout.lay_out(x, mode=mode, outside=fill)
        for x, fill in zip(state, _fills(state, outside), strict=True)
    )
    found: State | None = None
    stretch, reached = line, 1
    for length, first in runs(element).items():  # short ones first, which the longer ones are made from
        stretch, reached = running(stretch, leading, length, reached), length
        shifts = layout.shifts(first)
        term = functools.partial(_shifted, stretch, shifts, layout.length)
        found = (fold if len(state) == 1 else fold_numbered)(len(shifts), term, stronger, found)
    assert found is not None, "an element has entries"
    return tuple(layout.image(x) for x in found)


def _shifted(line: State, shifts: np.ndarray, size: int, number: Any) -> State:
    start = entry(shifts, number)
    return tuple(samples(x, start, size) for x in line)


def _fills(state: State, outside: Any) -> tuple[Any, ...]:
    """What is beyond the border: its key, and a number past every voxel's."""
    return (outside, *(np.iinfo(number.dtype).max for number in state[1:]))
