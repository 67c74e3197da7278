"""The value of a given rank in a window round each voxel: a network of exchanges for few voxels, else a bit search.

The derivative is that of the voxel whose value it is, of equal ones the first in raster order. Differentiating through
the network would keep a mask for each exchange, and take minutes to compile.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Int, Shaped

from nitrix.morphology._bit_search import from_signed, key_of_rank, signed_keys
from nitrix.morphology._borders import extend, places
from nitrix.morphology._element import Element
from nitrix.morphology._flat import at_voxels, flat_extremum
from nitrix.morphology._lines import Layout
from nitrix.morphology._network import ordered
from nitrix.morphology._order import keys, values

NETWORK = 32  # voxels of a window whose network compiles in a second
LONG_NETWORK = 128  # of one that compiles for some seconds, which pays for many values of 32 bits or more
MANY = 1 << 19
UNROLLED = 127  # terms whose count fits a byte; with more of them XLA's code is no longer in vectors
CHUNK = 32  # terms of a loop's body where there are more
LOOKED = 16  # voxels that are compared in one loop's body


@functools.partial(jax.jit, static_argnames=("element", "mode", "rank"))
def select(
    x: Shaped[Array, "..."], outside: Shaped[Array, ""], *, element: Element, mode: str, rank: int
) -> Shaped[Array, "..."]:
    """The value of that rank among the voxels at the element's offsets; NaN where one of them is NaN."""
    if jnp.issubdtype(x.dtype, jnp.floating):
        return _differentiable(element, mode, rank, x, outside)
    return _value(element, mode, rank, x, outside)


def _value(element: Element, mode: str, rank: int, x: Array, outside: Array) -> Array:
    few = LONG_NETWORK if x.size >= MANY and x.dtype.itemsize > 2 else NETWORK
    found = (_by_network if len(element.entries) <= few else _by_bits)(element, mode, rank, x, outside)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return found
    missing = flat_extremum(jnp.isnan(x), jnp.isnan(outside), element=element, mode=mode, smallest=False)
    return jnp.where(missing, np.asarray(np.nan, x.dtype), found)


_differentiable = jax.custom_jvp(_value, nondiff_argnums=(0, 1, 2))


@_differentiable.defjvp
def _(
    element: Element, mode: str, rank: int, primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Array, Array]:
    x, outside = primals
    moved, moved_outside = tangents
    found = _differentiable(element, mode, rank, x, outside)
    voxel = _origin(element, mode, x, outside, found)
    change = at_voxels(moved, jnp.maximum(voxel, 0), len(element.shape))
    return found, jnp.where(voxel < 0, moved_outside, change)


def _by_network(element: Element, mode: str, rank: int, x: Array, outside: Array) -> Array:
    # Narrow floats have no arithmetic of their own; their keys have.
    direct = jnp.issubdtype(x.dtype, jnp.integer) or (
        jnp.issubdtype(x.dtype, jnp.floating) and x.dtype.itemsize > 2
    )
    form = (lambda v: v) if direct else functools.partial(keys, smallest=False)
    layout = Layout(_spatial(x, element), element)
    line = _extended(form(x), form(outside), element, mode)
    line = line.reshape(*line.shape[: line.ndim - len(element.shape)], -1)
    starts = layout.shifts(element.entries).tolist()
    beyond = max(starts[-1] + layout.length - line.shape[-1], 0)
    line = jnp.pad(line, [(0, 0)] * (line.ndim - 1) + [(0, beyond)])
    samples = [lax.slice_in_dim(line, s, s + layout.length, axis=-1) for s in starts]
    (found,) = ordered(samples, (rank,))
    image = layout.image(found)
    return image if direct else values(image, x.dtype, smallest=False)


def _by_bits(element: Element, mode: str, rank: int, x: Array, outside: Array) -> Array:
    key = _extended(signed_keys(x), signed_keys(outside), element, mode)
    entries = element.entries.astype(np.int32)
    chunks = 0 if len(entries) <= UNROLLED else len(entries) // CHUNK
    narrow, wide = key.dtype, np.promote_types(key.dtype, np.int16 if len(entries) < 2**15 else np.int32)

    def below(candidate: Array, starts: Any) -> Array:
        terms = (_there(key, start, x.shape) < candidate for start in starts)
        return functools.reduce(jnp.add, (term.astype(narrow) for term in terms)).astype(wide)

    def count_below(candidate: Array, zero: Array) -> Array:
        # The starts hang on the loop: XLA would else take the slices out of it, and keep a volume for each.
        rest = entries[chunks * CHUNK :]
        total = below(candidate, rest + zero) if len(rest) else jnp.zeros(x.shape, wide)
        if chunks == 0:
            return total
        table = jnp.asarray(entries[: chunks * CHUNK].reshape(chunks, CHUNK, -1))
        return lax.fori_loop(0, chunks, lambda i, so_far: so_far + below(candidate, table[i]), total)

    return from_signed(key_of_rank(count_below, np.asarray(rank, wide), x.shape, x.dtype), x.dtype)


def _origin(element: Element, mode: str, x: Array, outside: Array, found: Array) -> Int[Array, "..."]:
    """The flat number of the first voxel of each window that holds what was found, -1 beyond the border."""
    shape = _spatial(x, element)
    layout = Layout(shape, element)
    key = _extended(keys(x, smallest=False), keys(outside, smallest=False), element, mode)
    wanted = keys(found, smallest=False)
    kind = places(layout.extended)
    entries, shifts = element.entries.astype(np.int32), layout.shifts(element.entries).astype(kind)
    terms = min(LOOKED, len(entries))

    def look(chunk: Any, at: Array) -> Array:
        first = jnp.maximum(len(entries) - (chunk + 1) * terms, 0)
        for k in reversed(range(terms)):
            there = _there(key, jnp.asarray(entries)[first + k], x.shape)
            at = jnp.where(there == wanted, jnp.asarray(shifts)[first + k], at)
        return at

    at = lax.fori_loop(0, -(-len(entries) // terms), look, jnp.zeros(x.shape, kind))
    for axis in range(len(shape)):
        stride = math.prod(layout.extended[axis + 1 :])
        at += np.asarray(stride, kind) * lax.broadcasted_iota(kind, x.shape, x.ndim - len(shape) + axis)
    voxels = jnp.arange(math.prod(shape), dtype=kind).reshape(shape)
    voxels = _extended(voxels, np.asarray(-1, kind), element, mode).reshape(-1)
    return voxels.at[at].get(mode="promise_in_bounds")


def _there(key: Array, start: Any, shape: tuple[int, ...]) -> Array:
    """What stands at a place of the window, for all voxels."""
    zero = jnp.zeros((), start.dtype)
    return lax.dynamic_slice(key, (*[zero] * (key.ndim - len(start)), *start), shape)


def _spatial(x: Array, element: Element) -> tuple[int, ...]:
    return x.shape[x.ndim - len(element.shape) :]


def _extended(x: Array, outside: Any, element: Element, mode: str) -> Array:
    for axis, (before, after) in enumerate(zip(element.before, element.after, strict=True)):
        x = extend(x, x.ndim - len(element.shape) + axis, before, after, mode=mode, outside=outside)
    return x
