"""Second-order sections applied forwards."""

import functools
from types import ModuleType
from typing import Any, NamedTuple, overload

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Inexact, Num

from nitrix._arguments import floating
from nitrix.signal.filter._lines import in_blocks, lines_at_a_time, series, to_lines, working_dtype
from nitrix.signal.filter._sos_arguments import sections
from nitrix.signal.filter._stretch import FRAMES, Stretch, advance, dot, matrices, steady, stretch, turns


@overload
def sosfilt(
    X: Num[ArrayLike, "..."], sos: Num[ArrayLike, "sections 6"], *, axis: int = -1, zi: None = None
) -> Inexact[Array, "..."]: ...
@overload
def sosfilt(
    X: Num[ArrayLike, "..."], sos: Num[ArrayLike, "sections 6"], *, axis: int = -1, zi: Num[ArrayLike, "..."]
) -> tuple[Inexact[Array, "..."], Inexact[Array, "..."]]: ...
def sosfilt(
    X: Num[ArrayLike, "..."],
    sos: Num[ArrayLike, "sections 6"],
    *,
    axis: int = -1,
    zi: Num[ArrayLike, "..."] | None = None,
) -> Inexact[Array, "..."] | tuple[Inexact[Array, "..."], Inexact[Array, "..."]]:
    """Filter a series with second-order sections, each frame from itself and what came before.

    Linear in `X` and `zi`; differentiable in both and in `sos`, in both directions and to any order.

    Args:
      X: The series, [... obs]. Integers are taken as the default float; float16 and bfloat16 are filtered in float32;
        complex numbers part by part.
      sos: Rows (b0, b1, b2, a0, a1, a2), as `butterworth_sos` gives them. Known sections are turned into matrices on
        the host in float64; traced ones in the dtype of the data.
      axis: The axis of time.
      zi: The state before the first frame, as `scipy.signal.sosfilt` has it: the shape of X, with 2 along `axis`,
        and an axis of sections in front. Default: rest, as if all earlier frames were 0.
    Returns:
      The filtered series, of the shape and floating dtype of X; if `zi` is given, with the state after the last
      frame.
    Raises:
      TypeError: If `X`, `sos` or `zi` holds no numbers.
      ValueError: If `sos` is not [sections 6], not finite or has an a0 of zero; if `axis` is unknown; if `zi` has
        another shape.

    Note:
      `scipy.signal.sosfilt` gives the same numbers. The first frame is taken out of the series and its step response
      added, so that in float32 the error follows what is left of the response to an offset, not the offset.

      Differences from SciPy: the order of arguments; float32 and integer input give floats of the default width or
      less; an a0 other than 1 divides its row. A NaN or an infinity makes NaN from the beginning of its stretch of
      64 frames on, so up to 63 frames before it.

    References:
      Parks and Burrus, Digital Filter Design, Wiley, 1987.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.signal import sosfilt
      >>> mean_of_two = jnp.array([[0.5, 0.5, 0.0, 1.0, 0.0, 0.0]])
      >>> sosfilt(jnp.array([2.0, 4.0, 8.0]), mean_of_two)
      Array([1., 3., 6.], dtype=float32)
    """
    data, place = series(X, axis, "sosfilt")
    rows = sections(sos, "sosfilt")
    state = None
    if zi is not None:
        state = floating(zi, "sosfilt", "zi").astype(data.dtype)
        wanted = list(data.shape)
        wanted[place] = 2
        if state.shape != (len(rows), *wanted):
            raise ValueError(
                f"sosfilt: zi has shape {state.shape}; for X {data.shape} filtered along axis {place} by {len(rows)} "
                f"sections give {(len(rows), *wanted)}."
            )
    if data.size == 0:
        return data if state is None else (data, state)
    built = matrices(_forwards, rows, working_dtype(data))
    return _filtered(data, state, built, axis=place, at_a_time=lines_at_a_time(data.shape[place]))


class _Forwards(NamedTuple):
    """What a causal filter needs of its sections, to be applied from the right."""

    stretch: Stretch
    rest: Any  # [state]: at a constant input of 1
    gain: Any  # of a constant
    turns: Any  # [section]: of the coordinates of the state


def _forwards(xp: ModuleType, sos: Any) -> _Forwards:
    whole = Stretch(*(xp.swapaxes(matrix, -1, -2) for matrix in stretch(xp, sos, FRAMES)))
    rest, gain = steady(xp, sos)
    # An integrator has no response to a constant that would be worth taking out.
    served = xp.abs(gain) < 2
    rest = xp.where(served, rest, xp.zeros_like(rest))
    return _Forwards(
        whole,
        rest,
        xp.where(served, gain, xp.full_like(gain, np.nan)),
        turns(xp, sos),
    )


@functools.partial(jax.jit, static_argnames=("axis", "at_a_time"))
def _filtered(
    data: Inexact[Array, "..."],
    zi: Inexact[Array, "..."] | None,
    built: _Forwards,
    *,
    axis: int,
    at_a_time: int | None,
) -> Any:
    lines, restore = to_lines(data, axis)
    obs = lines.shape[1]
    served = ~jnp.isnan(built.gain)
    gain = jnp.where(served, built.gain, jnp.zeros_like(built.gain))

    def filter_lines(x: Float[Array, "line obs"], state: Any) -> tuple[Any, Any]:
        # Less its first frame, from the state less that at which a constant of this height is at rest.
        offset = jnp.where(served, x[:, :1], jnp.zeros_like(x[:, :1]))
        y, last = _causal(x - offset, state - offset * built.rest, built)
        return y + offset * gain, last + offset * built.rest

    def from_rest(x: Float[Array, "line obs"]) -> Float[Array, "line obs"]:
        return filter_lines(x, jnp.zeros((x.shape[0], built.rest.shape[0]), x.dtype))[0]

    def joined(both: Float[Array, "line both"]) -> Float[Array, "line both"]:
        return jnp.concatenate(filter_lines(both[:, :obs], both[:, obs:]), axis=1)

    if zi is None:
        return restore(in_blocks(from_rest, lines, at_a_time))
    state = _state_of(zi, axis, built.turns)
    out = in_blocks(joined, jnp.concatenate([lines, state], axis=1), at_a_time)
    return restore(out[:, :obs]), restore(_scipy_state(out[:, obs:], built.turns))


def _causal(
    x: Float[Array, "line obs"], state: Float[Array, "line state"], built: _Forwards
) -> tuple[Float[Array, "line obs"], Float[Array, "line state"]]:
    response, observed, driven, carried = built.stretch
    frames = response.shape[0]
    full = x.shape[1] // frames * frames
    stretches, left = x[:, :full].reshape(x.shape[0], -1, frames), x[:, full:]
    last, before = advance(state, dot(stretches, driven), carried[-1])
    y = (dot(stretches, response) + dot(before, observed)).reshape(x.shape[0], full)
    count = left.shape[1]
    if count == 0:
        return y, last
    rest_of_y = dot(left, response[:count, :count]) + dot(last, observed[:, :count])
    last = dot(left, driven[frames - count :]) + dot(last, carried[count])
    return jnp.concatenate([y, rest_of_y], axis=1), last


def _state_of(zi: Inexact[Array, "..."], axis: int, turns: Any) -> Float[Array, "line state"]:
    """From SciPy's two delays of each section to the coordinates of a stretch."""
    sections = zi.shape[0]
    lines = jnp.stack([to_lines(zi[i], axis)[0] for i in range(sections)], axis=1)
    pairs = jnp.stack([lines[..., 0], (lines[..., 0] + lines[..., 1]) / turns], axis=-1)
    return pairs.reshape(-1, 2 * sections)


def _scipy_state(state: Float[Array, "line state"], turns: Any) -> Float[Array, "section line 2"]:
    pairs = state.reshape(state.shape[0], -1, 2)
    delays = jnp.stack([pairs[..., 0], turns * pairs[..., 1] - pairs[..., 0]], axis=-1)
    return jnp.moveaxis(delays, 1, 0)
