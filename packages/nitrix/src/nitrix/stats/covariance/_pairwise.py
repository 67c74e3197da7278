"""Moments of each pair of channels over the observations that both have."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact

from nitrix.stats.covariance._moments import product
from nitrix.stats.covariance._observations import Weighting


class Pairs(NamedTuple):
    """Moments over what i and j have in common; where that is too little, finite numbers to be replaced by NaN."""

    covariance: Inexact[Array, "... c c"]
    variance: Float[Array, "... c c"]  # of i
    enough: Bool[Array, "... c c"]


def pairwise(x: Inexact[Array, "... c obs"], weighting: Weighting, ddof: int) -> Pairs:
    """Of series that are near their means already, and 0 where they are missing."""
    assert weighting.channels is not None
    real = x.real.dtype
    present = weighting.channels.astype(real)
    w = present if weighting.vector is None else present * weighting.vector[..., None, :]
    total, doubled = product(w, present), product(w * w, present)
    count = jnp.where(total > 0, total, 1)
    f = total - ddof * doubled / count
    enough = f > 0
    f = jnp.where(enough, f, 1)
    wx = x * w.astype(x.dtype)
    sums = product(wx, present.astype(x.dtype))  # of x_i over what is common with j
    products = product(wx, x) - sums * jnp.conj(jnp.swapaxes(sums, -1, -2)) / count.astype(x.dtype)
    whole = product((wx * jnp.conj(x)).real, present)
    squares = whole - (sums * jnp.conj(sums)).real / count
    constant = squares <= 16 * float(np.finfo(real).eps) * whole  # to rounding
    return Pairs(products / f.astype(x.dtype), jnp.where(constant, 0, squares / f), enough)
