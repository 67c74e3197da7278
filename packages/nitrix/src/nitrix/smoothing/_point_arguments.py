"""Reads and checks the arguments of the bilateral filter of points."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from nitrix.smoothing.metric import DiagonalMetric, FeatureMetric, inverse

NAME = "bilateral_gaussian"


class Fields(NamedTuple):
    """What is averaged, and where the points are."""

    values: Array  # [n, d_v] or [n], of a floating dtype
    features: Array  # [n, d_f], of the working dtype

    @property
    def points(self) -> int:
        """How many points there are."""
        return int(self.values.shape[0])


class Located(NamedTuple):
    """Features, and what their differences are multiplied with to be in standard deviations."""

    features: Array  # [n, d_f]
    scale: Array  # [d_f]


def fields(values: Any, features: Any) -> Fields:
    given, located = _real("values", values), _real("features", features)
    if given.ndim not in (1, 2):
        raise ValueError(
            f"{NAME}: values has shape {given.shape}; give [n] or [n, d_v], a batch by jax.vmap."
        )
    if located.ndim != 2:
        raise ValueError(
            f"{NAME}: features has shape {located.shape}; give [n, d_f], one feature as features[:, None]."
        )
    if given.shape[0] != located.shape[0]:
        raise ValueError(
            f"{NAME}: values {given.shape} has {given.shape[0]} points and features {located.shape} has "
            f"{located.shape[0]}; both need a row for each point."
        )
    wide = any(x.dtype == np.float64 for x in (given, located))
    return Fields(given, located.astype(np.float64 if wide else np.float32))


def _real(name: str, x: Any) -> Array:
    """An array of floats."""
    array = jnp.asarray(x)
    if jnp.issubdtype(array.dtype, jnp.floating):
        return array
    if jnp.issubdtype(array.dtype, jnp.integer) or array.dtype == bool:
        return array.astype(jax.dtypes.canonicalize_dtype(np.float64))
    raise TypeError(f"{NAME}: {name} is of dtype {array.dtype}; give an array of real numbers.")


def located(given: Fields, sigma: Any, metric: FeatureMetric | None) -> Located:
    """Features as they are beside their inverse sigmas, or projected ones beside ones."""
    features = given.features
    if (sigma is None) == (metric is None):
        what = "none" if sigma is None else "both"
        raise ValueError(f"{NAME}: give either sigma_features or metric; {what} of them was given.")
    if sigma is not None:
        metric = _diagonal(sigma, features.shape[1])
    elif not isinstance(metric, FeatureMetric):
        raise TypeError(
            f"{NAME}: metric is {type(metric).__name__}, without a method project; give DiagonalMetric, FactorMetric, "
            f"or what metric_from_spd makes."
        )
    count = getattr(metric, "n_features", features.shape[1])
    if count != features.shape[1]:
        raise ValueError(
            f"{NAME}: metric is for {count} features, but features has shape {features.shape}, {features.shape[1]} "
            f"for each point."
        )
    if isinstance(metric, DiagonalMetric):
        scale = inverse(metric.sigma.astype(features.dtype))
        # A feature that is left out may hold anything.
        return Located(jnp.where(scale == 0, 0, features), scale)
    # Only differences count: measured from the middle, large coordinates lose nothing by the projection.
    finite = jnp.isfinite(features)
    low = jnp.min(features, 0, initial=jnp.inf, where=finite)
    high = jnp.max(features, 0, initial=-jnp.inf, where=finite)
    middle = lax.stop_gradient(jnp.where(low <= high, low + (high - low) / 2, 0))
    projected = jnp.asarray(metric.project(features - middle))
    if projected.ndim != 2 or projected.shape[0] != features.shape[0]:
        raise ValueError(
            f"{NAME}: metric.project made {projected.shape} of {features.shape}; only the last axis may change."
        )
    return Located(projected.astype(features.dtype), jnp.ones(projected.shape[1], features.dtype))


def _diagonal(sigma: Any, count: int) -> DiagonalMetric:
    shape = np.shape(sigma)
    if shape not in ((), (count,)):
        raise ValueError(
            f"{NAME}: sigma_features has shape {shape}, but there are {count} features; give one number, or one for "
            f"each."
        )
    each = sigma if isinstance(sigma, jax.Array) else np.asarray(sigma)
    if shape == ():
        each = (
            each * np.ones(count, each.dtype)
            if isinstance(each, np.ndarray)
            else jnp.broadcast_to(each, (count,))
        )
    try:
        return DiagonalMetric(each)
    except (TypeError, ValueError) as error:
        words = str(error).replace("DiagonalMetric: sigma", f"{NAME}: sigma_features")
        raise type(error)(words) from None


def masks(mask: Any, n: int) -> tuple[Array | None, Array | None]:
    """The points that take part, the entries that count; None: all."""
    if mask is None:
        return None, None
    given = jnp.asarray(mask)
    if given.dtype != bool:
        raise TypeError(f"{NAME}: mask is of dtype {given.dtype}; give truth values, such as mask > 0.")
    if given.ndim not in (1, 2) or given.shape[0] != n:
        raise ValueError(
            f"{NAME}: mask has shape {given.shape}; give [{n}], one for each point, or [{n}, k], one for each entry "
            f"of a table of neighbours."
        )
    return (given, None) if given.ndim == 1 else (None, given)


def without_dead(located: Located, alive: Array | None) -> Located:
    """Zeros in place of what points hold that take no part."""
    if alive is None:
        return located
    return located._replace(features=jnp.where(alive[:, None], located.features, 0))
