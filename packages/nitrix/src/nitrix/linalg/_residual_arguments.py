"""Reads and checks the operands of a least-squares fit."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from nitrix._arguments import known_numbers, known_value, real_array
from nitrix.linalg._residual_basis import transposed


class Fit(NamedTuple):
    """Rows of data and of regressors, in the dtype that computes; what is not given is None."""

    Y: Array
    X: Array
    weights: Array | None
    weight_matrix: Array | None
    l2: Array | None


def read_rows(x: Any, function: str, name: str, *, rowvar: bool) -> Array:
    """`x` as rows of observations."""
    array = real_array(x, function, name)
    if array.ndim < 2:
        layout = "[... channels, observations]" if rowvar else "[... observations, channels]"
        raise ValueError(
            f"{function}: {name} has shape {array.shape}; give at least two axes, {layout}; "
            f"a single series is {name}[{'None' if rowvar else ':, None'}]."
        )
    return array if rowvar else transposed(array)


def read_fit(
    Y: Array,
    X: Array,
    *,
    weights: Any,
    weight_matrix: Any,
    l2: Any,
    function: str,
    name: str = "X",
) -> Fit:
    """Check Y and X, which are rows already, and read the rest."""
    obs = Y.shape[-1]
    if X.shape[-1] != obs:
        raise ValueError(
            f"{function}: Y has {obs} observations but {name} has {X.shape[-1]} (rows of shapes {Y.shape} and "
            f"{X.shape}); observations are the last axis, or with rowvar=False the one before."
        )
    dtype = np.dtype(np.float32) if Y.dtype.itemsize <= 2 else Y.dtype
    if weights is not None and weight_matrix is not None:
        raise ValueError(f"{function}: give either weights or weight_matrix; both were given.")
    w = None if weights is None else _weights(weights, obs, function).astype(dtype)
    W = None if weight_matrix is None else _matrix(weight_matrix, obs, function).astype(dtype)
    shapes = [Y.shape[:-2], X.shape[:-2]]
    shapes += [] if w is None else [w.shape[:-1]]
    shapes += [] if W is None else [W.shape[:-2]]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(
            f"{function}: the batch axes {', '.join(map(str, shapes))} of Y, {name} and the weights "
            f"do not broadcast."
        ) from None
    return Fit(Y.astype(dtype), X.astype(dtype), w, W, _penalty(l2, dtype, function))


def _weights(weights: Any, obs: int, function: str) -> Array:
    w = real_array(weights, function, "weights")
    if w.ndim < 1 or w.shape[-1] != obs:
        raise ValueError(
            f"{function}: weights has shape {w.shape} but there are {obs} observations; give [... {obs}], "
            f"or an [... {obs} {obs}] array as weight_matrix."
        )
    known = known_numbers(w)
    if known is not None and not (np.isfinite(known) & (known >= 0)).all():
        worst = known[~(np.isfinite(known) & (known >= 0))].flat[0]
        raise ValueError(f"{function}: weights holds {worst}; weights must be finite and not negative.")
    return w


def _matrix(weight_matrix: Any, obs: int, function: str) -> Array:
    W = real_array(weight_matrix, function, "weight_matrix")
    if W.ndim < 2 or W.shape[-2:] != (obs, obs):
        raise ValueError(
            f"{function}: weight_matrix has shape {W.shape} but there are {obs} observations; "
            f"give [... {obs} {obs}], or a vector as weights."
        )
    known = known_numbers(W)
    if known is not None and known.size:
        known = np.float64(known)
        gap = np.abs(known - np.swapaxes(known, -1, -2)).max()
        if not gap <= 1e-5 * np.abs(known).max():
            raise ValueError(
                f"{function}: weight_matrix is not symmetric (it differs from its transpose by {gap:.3g}); "
                f"give (W + W') / 2 if that is meant."
            )
        values = np.linalg.eigvalsh(known)
        if values.min() < -1e-5 * np.abs(values).max():
            raise ValueError(
                f"{function}: weight_matrix has the eigenvalue {values.min():.3g}; "
                f"it must be positive semidefinite."
            )
    return (W + transposed(W)) / 2


def _penalty(l2: Any, dtype: np.dtype, function: str) -> Array | None:
    known = known_value(l2)
    if known is not None and not (np.isfinite(known) and known >= 0):
        raise ValueError(f"{function}: l2={known} must be finite and not negative.")
    if isinstance(l2, jax.Array):
        return l2.astype(dtype)  # also a 0 that is differentiated
    return None if known == 0 else jnp.asarray(l2, dtype)


def one_of(name: str, value: Any, allowed: tuple[str, ...], function: str) -> None:
    if value not in allowed:
        words = ", ".join(map(repr, allowed))
        raise ValueError(f"{function}: {name}={value!r} is unknown; it is one of {words}.")
