"""Second-order sections over a stretch of frames at once, as matrices.

A recursion y[t] = b0 x[t] + b1 x[t-1] + ... - a2 y[t-2], frame by frame, is slow on every machine and loses figures
in
float32: its poles lie near 1 for slow filters. Over a stretch of T frames it is linear in those frames and in the
state before them,

    y = response x + observed state        next state = driven x + carried state

which are matrix products, with matrices that the host makes in float64. Derivatives in data and sections are then
those of matrix products, and only the state between stretches is ever stored.
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
    carried: Any  # [frame + 1 state state]: over 0, 1, ... and all frames


def stretch(xp: ModuleType, sos: Any, frames: int) -> Stretch:
    """With A, b, c, d over one frame: rows c A^t, columns A^(T - 1 - t) b, impulse response d, c b, c A b ..."""
    direct, observed, driven, carried = _one_frame(xp, sos)
    times = product(xp)

    def step(power: Any, _: Any) -> tuple[Any, Any]:
        return times(power, carried), power

    start = np.eye(carried.shape[0], dtype=sos.dtype)
    last, before = scan(xp, step, start, np.zeros(frames, sos.dtype))
    rows = times(observed, before)[:, 0]
    impulse = xp.concatenate([direct[0], times(rows[:-1], driven)[:, 0], np.zeros(1, sos.dtype)])
    late = np.subtract.outer(np.arange(frames), np.arange(frames))
    return Stretch(
        impulse[np.where(late < 0, frames, late)],
        rows,
        times(before, driven)[::-1, :, 0].T,
        xp.concatenate([before, last[None]]),
    )


# The state of a section is z0 and r = (z0 + z1) / w with w^2 = 1 + a1 + a2, z0 and z1 being those of the direct form II
# transposed: y = b0 x + z0, z0' = b1 x - a1 y + z1, z1' = b2 x - a2 y. With poles near 1, z0 and z1 nearly cancel, and
# their matrix is nearly a Jordan block; z0 and r go round each other in a circle.
def _one_frame(xp: ModuleType, sos: Any) -> tuple[Any, Any, Any, Any]:
    """The output and the next state from the input and the state: the four blocks of one matrix."""
    count = sos.shape[0]
    unit = np.eye(2 * count + 1, dtype=sos.dtype)

    def section(signal: Any, given: Any) -> tuple[Any, Any]:
        (b0, b1, b2, _, a1, a2), w, z, r = given
        y = b0 * signal + z
        return y, xp.stack(
            [
                (b0 + b1) * signal - (1 + a1) * y + w * r,
                r + ((b0 + b1 + b2) * signal - (1 + a1 + a2) * y) / w,
            ]
        )

    signal, states = scan(xp, section, unit[0], (sos, turns(xp, sos), unit[1::2], unit[2::2]))
    states = states.reshape(2 * count, 2 * count + 1)
    return signal[None, :1], signal[None, 1:], states[:, :1], states[:, 1:]


def turns(xp: ModuleType, sos: Any) -> Any:
    """The w of each section, about the angle of its poles; 1 where they are real and one is beyond 1."""
    squared = 1 + sos[:, 4] + sos[:, 5]
    return xp.sqrt(xp.where(squared > 0, squared, xp.ones_like(squared)))


def steady(xp: ModuleType, sos: Any) -> tuple[Any, Any]:
    """The state that a constant input of 1 keeps unchanged, and the output that it gives."""

    def section(level: Any, given: Any) -> tuple[Any, Any]:
        (b0, b1, b2, _, a1, a2), w = given
        gain = (b0 + b1 + b2) / (1 + a1 + a2)
        z0, z1 = (gain - b0) * level, (b2 - a2 * gain) * level
        return gain * level, xp.stack([z0, (z0 + z1) / w])

    level, states = scan(xp, section, xp.ones_like(sos[0, 0]), (sos, turns(xp, sos)))
    return states.reshape(-1), level


def scan(
    xp: ModuleType, step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, inputs: Any
) -> tuple[Any, Any]:
    """`lax.scan`, or the same in NumPy."""
    if xp is jnp:
        return lax.scan(step, carry, inputs)
    out = []
    for i in range(len(jax.tree.leaves(inputs)[0])):
        carry, result = step(carry, jax.tree.map(lambda x: x[i], inputs))  # noqa: B023
        out.append(result)
    return carry, np.stack(out)


def product(xp: ModuleType) -> Callable[[Any, Any], Any]:
    """Of matrices."""
    return np.matmul if xp is np else dot


def matrices(build: Callable[..., Any], sos: Any, dtype: Any) -> Any:
    """build(xp, sos) as arrays of `dtype`: in float64 on the host, or traced with the sections."""
    if isinstance(sos, jax.core.Tracer):
        return build(jnp, sos.astype(dtype))
    return _on_host(build, np.ascontiguousarray(sos, np.float64).tobytes(), np.dtype(dtype))


@functools.lru_cache(maxsize=64)
def _on_host(build: Callable[..., Any], sos: bytes, dtype: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        built = build(np, np.frombuffer(sos).reshape(-1, 6))
        return jax.tree.map(lambda matrix: np.ascontiguousarray(matrix, dtype), built)


def advance(
    states: Float[Array, "line state"],
    driven: Float[Array, "line stretch state"],
    carried: Any,
    *,
    reverse: bool = False,
) -> tuple[Float[Array, "line state"], Float[Array, "line stretch state"]]:
    """The state after the last stretch, and the one before each."""

    # With lines last a step is a few long rows, which a CPU takes in a stride.
    def step(state: Any, push: Any) -> tuple[Any, Any]:
        return dot(carried.T, state) + push, state

    last, before = lax.scan(step, states.T, jnp.transpose(driven, (1, 2, 0)), reverse=reverse)
    return last.T, jnp.transpose(before, (2, 0, 1))
