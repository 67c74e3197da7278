"""How differences of features are measured: the weight of a neighbour is exp(-|project(f_i - f_j)|^2 / 2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from nitrix._arguments import known_numbers


@runtime_checkable
class FeatureMetric(Protocol):
    """A linear map of differences of features, after which lengths are in standard deviations.

    `DiagonalMetric` and `FactorMetric` are such; one of your own needs the method alone. For derivatives in what it
    holds, make it a pytree.
    """

    def project(self, deltas: Real[ArrayLike, "... d_f"]) -> Float[Array, "... k"]:
        """[..., d_f] -> [..., k], linear."""


@jax.tree_util.register_pytree_with_keys_class
@dataclass(frozen=True, eq=False)
class DiagonalMetric:
    """One standard deviation for each feature: `project(deltas) = deltas / sigma`. A pytree.

    Args:
      sigma: Standard deviations, in the units of the features; inf leaves a feature out.
    Raises:
      ValueError: If sigma is no vector or, outside `jit`, not positive.
      TypeError: If sigma is not real.
    Example:
      >>> metric = DiagonalMetric(jnp.asarray([2.0, 2.0, 0.5]))
      >>> metric.project(jnp.asarray([4.0, 0.0, 1.0]))
      Array([2., 0., 2.], dtype=float32)
    """

    sigma: Float[Array, " d_f"]

    def __init__(self, sigma: Real[ArrayLike, " d_f"] | Sequence[Real[ArrayLike, ""]]) -> None:
        given = _real("DiagonalMetric", "sigma", sigma, 1)
        known = known_numbers(given)
        if known is not None and not (known > 0).all():
            at = int(np.argmin(known > 0))
            raise ValueError(
                f"DiagonalMetric: sigma[{at}] is {known[at]}; a standard deviation is positive, or inf for a feature "
                f"that does not count."
            )
        object.__setattr__(self, "sigma", given)

    @property
    def n_features(self) -> int:
        """How many features there are, d_f."""
        return int(self.sigma.shape[0])

    def project(self, deltas: Real[ArrayLike, "... d_f"]) -> Float[Array, "... d_f"]:
        """Differences in standard deviations."""
        left, sigma, dtype = _matched(deltas, self.sigma)
        scale = inverse(sigma)
        # What does not count is left out whatever it holds.
        return (jnp.where(scale == 0, 0, left) * scale).astype(dtype)

    def tree_flatten_with_keys(self) -> tuple[Any, Any]:
        return [(jax.tree_util.GetAttrKey("sigma"), self.sigma)], None

    @classmethod
    def tree_unflatten(cls, _: Any, arrays: Any) -> "DiagonalMetric":
        new = object.__new__(cls)
        object.__setattr__(new, "sigma", *arrays)
        return new


@jax.tree_util.register_pytree_with_keys_class
@dataclass(frozen=True, eq=False)
class FactorMetric:
    """A matrix for all features: `project(deltas) = deltas @ factor`, the precision being factor factor'. A pytree.

    Args:
      factor: One row for each feature; columns may be fewer, for features that count in some directions only.
    Raises:
      ValueError: If factor is no matrix or, outside `jit`, not finite.
      TypeError: If factor is not real.
    Example:
      >>> metric = FactorMetric(jnp.asarray([[1.0], [-1.0]]))  # the difference of two features counts
      >>> metric.project(jnp.asarray([3.0, 1.0]))
      Array([2.], dtype=float32)
    """

    factor: Float[Array, "d_f k"]

    def __init__(self, factor: Real[ArrayLike, "d_f k"] | Sequence[Any]) -> None:
        given = _real("FactorMetric", "factor", factor, 2)
        _check_finite("FactorMetric", "factor", given)
        object.__setattr__(self, "factor", given)

    @property
    def n_features(self) -> int:
        """How many features there are, d_f."""
        return int(self.factor.shape[0])

    def project(self, deltas: Real[ArrayLike, "... d_f"]) -> Float[Array, "... k"]:
        """Differences in standard deviations along the factor's columns."""
        left, factor, dtype = _matched(deltas, self.factor)
        return jnp.matmul(left, factor, precision=lax.Precision.HIGHEST).astype(dtype)

    def tree_flatten_with_keys(self) -> tuple[Any, Any]:
        return [(jax.tree_util.GetAttrKey("factor"), self.factor)], None

    @classmethod
    def tree_unflatten(cls, _: Any, arrays: Any) -> "FactorMetric":
        new = object.__new__(cls)
        object.__setattr__(new, "factor", *arrays)
        return new


def block_diagonal_metric(blocks: Sequence[Real[ArrayLike, "_ _"] | Sequence[Any]]) -> FactorMetric:
    """One factor from those of groups of features that are measured apart.

    Args:
      blocks: Factors [d_b, k_b], in the order of their features; a group of one feature is [[1 / sigma]].
    Returns:
      The metric of all features, whose squared distance is the sum of those of the groups.
    Raises:
      ValueError: If there is no block, or one is no matrix or, outside `jit`, not finite.
      TypeError: If a block is not real.
    Example:
      >>> position, intensity = jnp.eye(3) / 2.0, jnp.asarray([[1 / 0.5]])
      >>> block_diagonal_metric([position, intensity]).factor.shape
      (4, 4)
    """
    name = "block_diagonal_metric"
    given = [_real(name, f"blocks[{i}]", block, 2) for i, block in enumerate(blocks)]
    if not given:
        raise ValueError(f"{name}: blocks is empty; give at least one factor [d_b, k_b].")
    dtype = np.dtype(np.float64) if any(x.dtype == np.float64 for x in given) else np.dtype(np.float32)
    widths = [block.shape[1] for block in given]
    before = np.cumsum([0, *widths])
    rows = [
        jnp.pad(block.astype(dtype), ((0, 0), (int(first), int(before[-1] - first - width))))
        for block, first, width in zip(given, before, widths)
    ]
    return FactorMetric(jnp.concatenate(rows))


def metric_from_spd(spd: Real[ArrayLike, "d_f d_f"] | Sequence[Any]) -> FactorMetric:
    """The metric whose squared distance is d' S d, from a precision matrix S, by its Cholesky factor.

    For a covariance matrix give its inverse. Differentiable in S, of which the symmetric part counts.

    Args:
      spd: The precision matrix S, symmetric and positive definite. Under `jit` nothing can be refused: the symmetric
        part is taken, and NaN comes out where that is not positive definite.
    Returns:
      The metric, of the lower triangular factor L with L L' = S.
    Raises:
      ValueError: If S is not square or, outside `jit`, not finite, not symmetric or not positive definite.
      TypeError: If S is not real.
    Example:
      >>> metric = metric_from_spd(jnp.asarray([[4.0, 2.0], [2.0, 2.0]]))
      >>> jnp.sum(metric.project(jnp.asarray([1.0, -1.0])) ** 2)
      Array(2., dtype=float32)
    """
    name = "metric_from_spd"
    matrix = _real(name, "spd", spd, 2)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(
            f"{name}: spd has shape {matrix.shape}; give a square matrix, a row for each feature."
        )
    _check_finite(name, "spd", matrix)
    known = known_numbers(matrix)
    if known is not None and known.size:
        wide = known.astype(np.float64)
        uneven = np.abs(wide - wide.T).max()
        if uneven > 100 * float(np.finfo(known.dtype).eps) * np.abs(wide).max():
            raise ValueError(
                f"{name}: spd is not symmetric, entries and their mirror images differ by up to {uneven:.3g}; give "
                f"(S + S') / 2 if that is what is meant."
            )
        least = np.linalg.eigvalsh((wide + wide.T) / 2).min()
        if least <= float(np.finfo(known.dtype).eps) * np.abs(wide).max():
            raise ValueError(
                f"{name}: spd is not positive definite, its smallest eigenvalue is {least:.3g}; give a precision "
                f"matrix, or FactorMetric for features that count in some directions only."
            )
    return FactorMetric(jnp.linalg.cholesky(matrix))


def inverse(sigma: Array) -> Array:
    """1 / sigma, 0 for inf and NaN for what is no standard deviation."""
    return jnp.where(sigma > 0, 1 / jnp.where(sigma > 0, sigma, 1), jnp.nan)


def _matched(deltas: Any, by: Array) -> tuple[Array, Array, Any]:
    """Both in one dtype, of which there is no shorter one than float32; and that of the result."""
    given = jnp.asarray(deltas)
    wide = any(x.dtype == np.float64 for x in (given, by))
    dtype = np.dtype(np.float64 if wide else np.float32)
    back = given.dtype if jnp.issubdtype(given.dtype, jnp.floating) else dtype
    return given.astype(dtype), by.astype(dtype), back


def _real(function: str, what: str, given: Any, axes: int) -> Array:
    """An array of float32 or float64."""
    if isinstance(given, list | tuple) and any(isinstance(x, jax.Array) for x in given):
        given = jnp.stack([jnp.asarray(x) for x in given])
    array = given if isinstance(given, jax.Array) else np.asarray(given)
    kind = array.dtype
    if not (jnp.issubdtype(kind, jnp.floating) or jnp.issubdtype(kind, jnp.integer)):
        raise TypeError(f"{function}: {what} is of dtype {kind}; give real numbers.")
    if array.ndim != axes:
        wanted = "one number for each feature" if axes == 1 else "a matrix"
        raise ValueError(f"{function}: {what} has shape {array.shape}; give {wanted}.")
    if not jnp.issubdtype(kind, jnp.floating):
        kind = np.dtype(np.float64)
    dtype = jax.dtypes.canonicalize_dtype(kind) if kind.itemsize >= 4 else np.dtype(np.float32)
    if isinstance(array, jax.core.Tracer):
        return array.astype(dtype)
    with jax.ensure_compile_time_eval():
        return jnp.asarray(array).astype(dtype)


def _check_finite(function: str, what: str, array: Array) -> None:
    known = known_numbers(array)
    if known is not None and not np.isfinite(known).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(known))[0])
        raise ValueError(f"{function}: {what}{list(at)} is {known[at]}; give finite numbers.")
