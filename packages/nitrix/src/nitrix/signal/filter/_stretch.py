"""Second-order sections over a stretch of frames at once, as matrices.

A recursion y[t] = b0 x[t] + b1 x[t-1] + ... - a2 y[t-2], frame by frame, is slow on every machine and loses figures in
float32: its poles lie near 1 for slow filters. Over a stretch of T frames it is linear in those frames and in the
state before them,

    y = response x + observed state        next state = driven x + carried state

which are matrix products, with matrices that the host makes in float64. Derivatives in data and sections are then those of
matrix products, and only the state between stretches is ever stored.
"""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

FRAMES = 64  # of a stretch: fewer leave more to the steps between them, more cost more products

dot = functools.partial(jnp.matmul, precision=lax.Precision.HIGHEST)


class Stretch(NamedTuple):
    """The sections over some frames."""

    response: Any  # [frame frame]
    observed: Any  # [frame state]
    driven: Any  # [state frame]
    carried: Any  # [state state]


def stretch(xp: ModuleType, sos: Any, frames: int) -> Stretch:
    """`frames` frames, a power of 2, by doubling."""
    whole = _one_frame(xp, sos)
    while whole.response.shape[0] < frames:
        whole = _twice(xp, whole)
    return whole


# The state of a section is z0 and r = (z0 + z1) / w with w^2 = 1 + a1 + a2, z0 and z1 being those of the direct form II
# transposed: y = b0 x + z0, z0' = b1 x - a1 y + z1, z1' = b2 x - a2 y. With poles near 1, z0 and z1 nearly cancel, and
# their matrix is nearly a Jordan block; z0 and r go round each other in a circle.
def _one_frame(xp: ModuleType, sos: Any) -> Stretch:
    unit = np.eye(2 * len(sos) + 1, dtype=sos.dtype)
    signal, states = unit[0], []  # rows over (x, state)
    for i, row in enumerate(sos):
        b0, b1, b2, _, a1, a2 = (row[k] for k in range(6))
        w, z, r = turn(xp, row), unit[1 + 2 * i], unit[2 + 2 * i]
        y = b0 * signal + z
        states.append((b0 + b1) * signal - (1 + a1) * y + w * r)
        states.append(r + ((b0 + b1 + b2) * signal - (1 + a1 + a2) * y) / w)
        signal = y
    rows = xp.stack([signal, *states])
    return Stretch(rows[:1, :1], rows[:1, 1:], rows[1:, :1], rows[1:, 1:])


def turn(xp: ModuleType, row: Any) -> Any:
    """The w of a section, about the angle of its poles; 1 where they are real and beyond 1."""
    squared = 1 + row[4] + row[5]
    return xp.sqrt(xp.where(squared > 0, squared, xp.ones_like(squared)))


def _twice(xp: ModuleType, once: Stretch) -> Stretch:
    response, observed, driven, carried = once
    crossed = _product(xp, observed, driven)
    upper = xp.concatenate([response, xp.zeros_like(response)], axis=1)
    lower = xp.concatenate([crossed, response], axis=1)
    return Stretch(
        xp.concatenate([upper, lower]),
        xp.concatenate([observed, _product(xp, observed, carried)]),
        xp.concatenate([_product(xp, carried, driven), driven], axis=1),
        _product(xp, carried, carried),
    )


def _product(xp: ModuleType, a: Any, b: Any) -> Any:
    return a @ b if xp is np else dot(a, b)


def steady(xp: ModuleType, sos: Any) -> tuple[Any, Any]:
    """The state that a constant input of 1 keeps unchanged, and the output that it gives."""
    level: Any = xp.ones_like(sos[0, 0])
    states = []
    for row in sos:
        b0, b1, b2, _, a1, a2 = (row[k] for k in range(6))
        gain = (b0 + b1 + b2) / (1 + a1 + a2)
        z0, z1 = (gain - b0) * level, (b2 - a2 * gain) * level
        states += [z0, (z0 + z1) / turn(xp, row)]
        level = gain * level
    return xp.stack(states), level


def matrices(build: Callable[..., Any], sos: Any, dtype: Any, *static: Any) -> Any:
    """build(xp, sos, *static) as arrays of `dtype`: in float64 on the host, or traced with the sections."""
    if isinstance(sos, jax.core.Tracer):
        return build(jnp, sos.astype(dtype), *static)
    known = np.ascontiguousarray(sos, np.float64)
    return _on_host(build, known.tobytes(), np.dtype(dtype), *static)


@functools.lru_cache(maxsize=64)
def _on_host(build: Callable[..., Any], sos: bytes, dtype: Any, *static: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        built = build(np, np.frombuffer(sos).reshape(-1, 6), *static)
        return jax.tree.map(lambda matrix: np.ascontiguousarray(matrix, dtype), built)


def advance(
    states: Float[Array, "line state"],
    driven: Float[Array, "line stretch state"],
    carried: Any,
    *,
    reverse: bool = False,
) -> tuple[Float[Array, "line state"], Float[Array, "line stretch state"]]:
    """The state after the last stretch, and the one before each."""

    def step(state: Any, push: Any) -> tuple[Any, Any]:
        return dot(state, carried) + push, state

    last, before = lax.scan(step, states, jnp.moveaxis(driven, 1, 0), reverse=reverse)
    return last, jnp.moveaxis(before, 0, 1)
