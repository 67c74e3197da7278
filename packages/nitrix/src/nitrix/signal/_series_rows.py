"""Series [... channel variable time], channels from a basis, and kernels with one row or one for each variable."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from nitrix._arguments import real_array, whole_number
from nitrix.signal._correlation import correlate, pads

Basis = Sequence[Callable[[Array], Array]]


def read(X: Any, weight: Any, function: str) -> tuple[Array, Array]:
    """The series, and the kernels in their dtype."""
    series = real_array(X, function, "X")
    return series, real_array(weight, function, "weight").astype(series.dtype)


def with_channels(X: Any, weight: Any, function: str) -> tuple[Array, Array]:
    """The same with an axis of channels, which series of fewer than four axes have not."""
    kernels = read(X, weight, function)[1]
    if kernels.ndim not in (3, 4):
        raise ValueError(
            f"{function}: weight has shape {kernels.shape}; give [output, channel, row, time], or [output, row, time] "
            "for one channel."
        )
    return one_channel(X, function), kernels if kernels.ndim == 4 else kernels[:, None]


def one_channel(X: Any, function: str) -> Float[Array, "... k variable obs"]:
    series = real_array(X, function, "X")
    if series.ndim < 2:
        raise ValueError(f"{function}: X has shape {series.shape}; give [..., variable, time].")
    return series if series.ndim > 3 else series[..., None, :, :]


def around(padding: Any, frames: int, taps: int, function: str) -> tuple[int, int]:
    """Zeros before and after the series."""
    before, after = pads(padding, taps, function)
    if not 1 <= taps <= frames + before + after:
        raise ValueError(
            f"{function}: a kernel of {taps} frames does not fit in {frames} frames with {before} zeros before and "
            f"{after} behind; give a kernel of 1 frame at least, a longer series or more padding."
        )
    return before, after


def convolved_rows(
    series: Array, kernels: Array, bias: Any, padding: Any, function: str
) -> Float[Array, "... c_out rows obs_out"]:
    variables, frames = series.shape[-2:]
    out, channels, rows, taps = kernels.shape
    if channels != series.shape[-3] or rows not in (1, variables):
        raise ValueError(
            f"{function}: weight{list(kernels.shape)} is for {channels} channels and has {rows} rows, but there are "
            f"{series.shape[-3]} channels of {variables} variables; give [output, {series.shape[-3]}, "
            f"1 or {variables}, time]."
        )
    offset = None if bias is None else real_array(bias, function, "bias").astype(series.dtype)
    if offset is not None and offset.shape != (out,):
        raise ValueError(
            f"{function}: bias has shape {offset.shape}; give one for each of the {out} outputs."
        )
    found = _convolved(series, kernels, around=around(padding, frames, taps, function))
    return found if offset is None else found + offset[:, None, None]


def channels_of(
    series: Float[Array, "... k variable obs"], functions: Basis, include_const: bool, function: str
) -> Float[Array, "... k_basis variable obs"]:
    """For each channel in turn the constant, if there is one, and the functions' values."""
    values = [f(series) for f in functions]
    if not values:
        raise ValueError(f"{function}: basis_functions is empty; give one function at least.")
    for number, value in enumerate(values):
        if value.shape != series.shape:
            raise ValueError(
                f"{function}: basis_functions[{number}] makes {value.shape} of {series.shape}; give functions that "
                "work on each entry alone."
            )
    values = [jnp.ones_like(series)] * include_const + [value.astype(series.dtype) for value in values]
    together = jnp.concatenate([value[..., None, :, :] for value in values], axis=-3)
    return together.reshape(*series.shape[:-3], -1, *series.shape[-2:])


def convolved_basis(
    series: Array,
    kernels: Array,
    functions: Basis,
    include_const: bool,
    bias: Any,
    padding: Any,
    function: str,
) -> Float[Array, "... c_out rows obs_out"]:
    channels = channels_of(series, functions, False, function)
    constant = None
    if include_const:
        each = len(functions) + 1
        if kernels.shape[1] != each * series.shape[-3]:
            raise ValueError(
                f"{function}: weight{list(kernels.shape)} has {kernels.shape[1]} channels for {series.shape[-3]} of X "
                f"with {each} each, the constant with them; give {each * series.shape[-3]}."
            )
        split = kernels.reshape(kernels.shape[0], -1, each, *kernels.shape[2:])
        # The constant has no edge: all of its kernel counts in every frame, over all variables of a joined row.
        constant = split[:, :, 0].sum((1, 2, 3))
        kernels = split[:, :, 1:].reshape(kernels.shape[0], -1, *kernels.shape[2:])
    found = convolved_rows(channels, kernels, bias, padding, function)
    return found if constant is None else found + constant[:, None, None]


def powers(degree: Any, function: str) -> Basis:
    """The powers from 1 to `degree`."""
    highest = whole_number("degree", degree, function, least=1)
    return [functools.partial(_power, exponent) for exponent in range(1, highest + 1)]


def _power(exponent: int, x: Array) -> Array:
    return jax.lax.integer_pow(x, exponent)


@functools.partial(jax.jit, static_argnames=("around",))
def convolved(
    series: Float[Array, "... c obs"], kernels: Float[Array, "c_out c k"], *, around: tuple[int, int]
) -> Float[Array, "... c_out obs_out"]:
    """In float32 where the dtype is narrower."""
    batch = series.shape[:-2]
    dtype = np.float32 if series.dtype.itemsize <= 2 else series.dtype
    lines = series.reshape(math.prod(batch), *series.shape[-2:]).astype(dtype)
    found = correlate(lines, kernels.astype(dtype), around)
    return found.reshape(*batch, *found.shape[1:]).astype(series.dtype)


def _convolved(series: Array, kernels: Array, *, around: tuple[int, int]) -> Array:
    if kernels.shape[2] == 1 and series.shape[-2] != 1:  # each variable alone
        found = convolved(jnp.moveaxis(series, -2, -3), kernels[:, :, 0], around=around)
        return jnp.moveaxis(found, -3, -2)
    joined = series.reshape(*series.shape[:-3], -1, series.shape[-1])
    flat = kernels.reshape(kernels.shape[0], -1, kernels.shape[3])
    return convolved(joined, flat, around=around)[..., None, :]
