"""Reads what a covariance is given: the series, how their observations count, and which are missing."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact, Real

from nitrix._arguments import common_dtype, floating, known_numbers, known_value, real_array, whole_number


class Weighting(NamedTuple):
    """How observations count. What a mask leaves out has weight 0; without any field all count alike."""

    vector: Real[Array, "... obs"] | None = None
    matrix: Real[Array, "... obs obs"] | None = None
    frames: Bool[Array, "... obs"] | None = None  # kept for all channels
    channels: Bool[Array, "... c obs"] | None = None  # kept channel by channel


class Given(NamedTuple):
    """The arguments of a call, channels before observations, in the dtype of the computation."""

    series: tuple[Inexact[Array, "... c obs"], ...]
    weighting: Weighting
    l2: Float[Array, ""] | None  # None: known to be zero
    ddof: int
    dtype: Any  # of the result


def read(
    function: str,
    series: dict[str, Any],
    *,
    single: bool = False,
    rowvar: bool,
    bias: bool,
    ddof: int | None,
    weights: Any,
    weight_matrix: Any,
    mask: Any,
    l2: Any,
) -> Given:
    """The arguments that every covariance shares, checked. `single`: one series, which becomes a row."""
    rowvar = rowvar or single
    arrays = [_series(x, function, name, rowvar, single) for name, x in series.items()]
    dtype = common_dtype(*(x.dtype for x in arrays))
    wide = jnp.float32 if dtype.itemsize <= 2 else dtype
    arrays = [x.astype(wide) for x in arrays]
    names, obs = list(series), arrays[0].shape[-1]
    for name, x in zip(names, arrays, strict=True):
        if x.shape[-1] != obs:
            raise ValueError(
                f"{function}: {names[0]} has {obs} observations but {name} has {x.shape[-1]}; "
                f"observations are the {'last' if rowvar else 'second last'} axis of both (rowvar={rowvar})."
            )
    if obs == 0:
        raise ValueError(f"{function}: {names[0]} has no observations.")
    batches = [(name, x.shape[:-2]) for name, x in zip(names, arrays, strict=True)]
    freedom = int(not bias) if ddof is None else whole_number("ddof", ddof, function, least=None)
    real = np.empty(0, wide).real.dtype
    if weights is not None and weight_matrix is not None:
        raise ValueError(f"{function}: give weights or weight_matrix, not both.")
    vector = matrix = frames = channels = None
    if mask is not None:
        kept = _mask(mask, arrays[0], function, names[0], rowvar)
        batches.append(("mask", kept.shape[:-2]))
        if kept.shape[-2] == 1:
            frames = kept[..., 0, :]
        else:
            channels = kept
            if weight_matrix is not None or len(arrays) > 1:
                without = "weight_matrix" if weight_matrix is not None else "two sets of channels"
                raise ValueError(
                    f"{function}: a mask per channel, {kept.shape}, does not go with {without}; "
                    f"give a mask of shape ({obs},) that leaves observations out for all channels."
                )
    if weights is not None:
        vector = real_array(weights, function, "weights").astype(real)
        _check_last(vector, (obs,), function, "weights")
        batches.append(("weights", vector.shape[:-1]))
    if weight_matrix is not None:
        matrix = real_array(weight_matrix, function, "weight_matrix").astype(real)
        _check_last(matrix, (obs, obs), function, "weight_matrix")
        batches.append(("weight_matrix", matrix.shape[:-2]))
    _check_batches(batches, function)
    if matrix is None and channels is None:
        _check_freedom(weights, frames, obs, freedom, function)
    return Given(
        tuple(arrays), Weighting(vector, matrix, frames, channels), ridge(l2, real, function), freedom, dtype
    )


def _series(x: Any, function: str, name: str, rowvar: bool, single: bool) -> Inexact[Array, "... c obs"]:
    array = floating(x, function, name)
    array = array[None] if single else array
    if array.ndim < 2:
        raise ValueError(
            f"{function}: {name} has shape {array.shape}; it takes channels and observations, "
            f"at least two axes. Give {name}[None] for one channel."
        )
    return array if rowvar else jnp.swapaxes(array, -1, -2)


def _mask(
    mask: Any, x: Inexact[Array, "... c obs"], function: str, name: str, rowvar: bool
) -> Bool[Array, "..."]:
    """The mask with an axis of channels, of length 1 if it holds for all of them."""
    kept = jnp.asarray(mask)
    if kept.dtype != jnp.bool_:
        raise TypeError(f"{function}: mask has dtype {kept.dtype}; give booleans, True where observed.")
    if kept.ndim == 1:
        kept = kept[None]
    elif not rowvar:
        kept = jnp.swapaxes(kept, -1, -2)
    channels, obs = x.shape[-2:]
    if kept.ndim == 0 or kept.shape[-1] != obs or kept.shape[-2] not in (1, channels):
        raise ValueError(
            f"{function}: mask has shape {np.shape(mask)} but {name} has {channels} channels of {obs} observations; "
            f"give ({obs},), or a shape that broadcasts to that of {name}."
        )
    return kept


def _check_last(array: Array, wanted: tuple[int, ...], function: str, name: str) -> None:
    if array.shape[-len(wanted) :] != wanted:
        raise ValueError(
            f"{function}: {name} has shape {array.shape} but there are {wanted[-1]} observations; "
            f"its last axes must be {wanted}."
        )


def _check_batches(batches: Sequence[tuple[str, tuple[int, ...]]], function: str) -> None:
    try:
        np.broadcast_shapes(*(shape for _, shape in batches))
    except ValueError:
        listed = ", ".join(f"{shape} of {name}" for name, shape in batches)
        raise ValueError(f"{function}: the batch axes {listed} do not broadcast.") from None


def _check_freedom(weights: Any, frames: Any, obs: int, ddof: int, function: str) -> None:
    """Refuse weights that are none, and observations too few, where the numbers are known."""
    w = np.ones(obs) if weights is None else known_numbers(weights)
    kept = np.ones(obs, bool) if frames is None else known_numbers(frames)
    if w is None or kept is None:
        return
    w = np.where(kept, w.astype(np.float64), 0.0)
    if not (np.isfinite(w) & (w >= 0)).all():
        raise ValueError(f"{function}: weights must be finite and not negative.")
    total = w.sum(-1)
    if not (total**2 > ddof * (w**2).sum(-1)).all():
        counted = (
            f"{obs} observations" if weights is None and frames is None else "the observations that count"
        )
        raise ValueError(
            f"{function}: {counted} are too few for ddof={ddof}; give more, or bias=True to divide by their number."
        )


def ridge(l2: Any, dtype: Any, function: str, name: str = "l2") -> Float[Array, ""] | None:
    if isinstance(l2, (int, float)) and l2 == 0:
        return None
    known = known_value(l2)
    if known is not None and not (np.isfinite(known) and known >= 0):
        raise ValueError(f"{function}: {name}={known} must be finite and not negative.")
    return jnp.asarray(l2).astype(dtype)
