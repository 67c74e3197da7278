"""Geodesic dilation until nothing changes, by sweeps along the axes; on integers, see `_order`.

A sweep along an axis, m_i = min(mask_i, max(m_i, m_(i-1))), carries a value along a whole line at once, so that few
rounds serve where steps of one voxel would need as many as the longest path has. Every round raises some of finitely
many values of at most the mask's, so that it ends.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Shaped

from nitrix.morphology._borders import places
from nitrix.morphology._element import Element
from nitrix.morphology._flat import at_voxels, strongest, voxel_numbers
from nitrix.morphology._order import State, keys, values


@functools.partial(jax.jit, static_argnames=("element", "smallest"))
def reconstruction(
    marker: Shaped[Array, "..."], mask: Shaped[Array, "..."], *, element: Element, smallest: bool
) -> Shaped[Array, "..."]:
    """The marker grown under the mask, or shrunk above it, until nothing changes."""
    if jnp.issubdtype(mask.dtype, jnp.floating):
        return _differentiable(element, smallest, marker, mask)
    return _value(element, smallest, marker, mask)


def _value(element: Element, smallest: bool, marker: Array, mask: Array) -> Array:
    key, limit = keys(marker, smallest=smallest), keys(mask, smallest=smallest)
    (found,) = _grown((lax.min(key, limit),), (limit,), element)
    return _poisoned(values(found, mask.dtype, smallest=smallest), marker, mask, len(element.shape))


_differentiable = jax.custom_jvp(_value, nondiff_argnums=(0, 1))


# Every value of the result is one of the marker's or of the mask's, whose number comes along with it.
@_differentiable.defjvp
def _(
    element: Element, smallest: bool, primals: tuple[Array, ...], tangents: tuple[Array, ...]
) -> tuple[Array, Array]:
    marker, mask = primals
    rank = len(element.shape)
    size = math.prod(mask.shape[mask.ndim - rank :])
    number = voxel_numbers(mask.shape, rank).astype(places((2, size)))
    own = (keys(marker, smallest=smallest), number)
    limit = (keys(mask, smallest=smallest), number + np.asarray(size, number.dtype))
    _, source = _grown(_weaker(own, limit), limit, element)
    value, change = (
        at_voxels(jnp.concatenate(both, axis=mask.ndim - rank), source, rank) for both in (primals, tangents)
    )
    return _poisoned(value, marker, mask, rank), change


def _poisoned(out: Array, marker: Array, mask: Array, rank: int) -> Array:
    """NaN in every image that holds a NaN: who knows how far it would have come."""
    if not jnp.issubdtype(out.dtype, jnp.floating):
        return out
    axes = tuple(range(out.ndim - rank, out.ndim))
    wrong = (jnp.isnan(marker) | jnp.isnan(mask)).any(axis=axes, keepdims=True)
    return jnp.where(wrong, jnp.full_like(out, np.nan), out)


def _weaker(a: State, limit: State) -> State:
    if len(a) == 1:
        return (lax.min(a[0], limit[0]),)
    beyond = a[0] > limit[0]
    return tuple(jnp.where(beyond, y, x) for x, y in zip(a, limit, strict=True))


def _greater(a: State, b: State) -> State:
    if len(a) == 1:
        return (lax.max(a[0], b[0]),)
    second = b[0] > a[0]
    return tuple(jnp.where(second, y, x) for x, y in zip(a, b, strict=True))


def _grown(state: State, limit: State, element: Element) -> State:
    leading = state[0].ndim - len(element.shape)
    sweeps, rest = _moves(element)

    def again(carry: tuple[State, Any]) -> tuple[State, Any]:
        before, _ = carry
        now = before
        for axis, forward in sweeps:
            now = _sweep(now, limit, leading + axis, forward=forward)
        if rest is not None:
            now = _greater(now, _weaker(strongest(now, rest), limit))
        return now, (now[0] != before[0]).any()

    return lax.while_loop(lambda carry: carry[1], again, (state, jnp.asarray(True)))[0]


def _moves(element: Element) -> tuple[list[tuple[int, bool]], Element | None]:
    """Axes along which a step to the next voxel is in the element, and the element if there are other steps."""
    offsets = {tuple(int(o) for o in offset) for offset in element.entries - np.array(element.centre)}
    sweeps = []
    for axis in range(len(element.shape)):
        for step, forward in ((-1, True), (1, False)):  # a value at offset -1 moves forward
            offset = tuple(step if a == axis else 0 for a in range(len(element.shape)))
            if offset in offsets:
                sweeps.append((axis, forward))
                offsets.discard(offset)
    offsets.discard((0,) * len(element.shape))
    return sweeps, element if offsets else None


def _sweep(state: State, limit: State, axis: int, *, forward: bool) -> State:
    lines = jax.tree.map(lambda x: jnp.moveaxis(x, axis, 0), (state, limit))
    first = jax.tree.map(lambda x: x[0 if forward else -1], lines[0])

    def step(last: State, here: tuple[State, State]) -> tuple[State, State]:
        now = _weaker(_greater(here[0], last), here[1])
        return now, now

    _, swept = lax.scan(step, first, lines, reverse=not forward)
    return jax.tree.map(lambda x: jnp.moveaxis(x, 0, axis), swept)
