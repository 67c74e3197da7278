"""Moments of each pair of channels over the observations that both have."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

from nitrix.stats.covariance._moments import product
from nitrix.stats.covariance._observations import Weighting


def pairwise(
    x: Inexact[Array, "... c obs"], weighting: Weighting, ddof: int
) -> tuple[Inexact[Array, "... c c"], Float[Array, "... c c"], Float[Array, "... c c"]]:
    """Sums of products of x_i and x_j about their means over the common observations, f, and the squares of x_i there.

    `x` is near its means already and 0 where it is missing. f is NaN where too few observations are common.
    """
    assert weighting.channels is not None
    real = x.real.dtype
    present = weighting.channels.astype(real)
    w = present if weighting.vector is None else present * weighting.vector[..., None, :]
    total, doubled = product(w, present), product(w * w, present)
    count = jnp.where(total > 0, total, 1)
    wx = x * w.astype(x.dtype)
    sums = product(wx, present.astype(x.dtype))  # of x_i over what is common with j
    products = product(wx, x) - sums * jnp.conj(jnp.swapaxes(sums, -1, -2)) / count.astype(x.dtype)
    whole = product((wx * jnp.conj(x)).real, present)
    squares = whole - jnp.abs(sums) ** 2 / count
    squares = jnp.where(
        squares > 16 * float(np.finfo(real).eps) * whole, squares, 0
    )  # else constant, to rounding
    f = total - ddof * doubled / count
    return products, jnp.where(f > 0, f, jnp.nan), squares
