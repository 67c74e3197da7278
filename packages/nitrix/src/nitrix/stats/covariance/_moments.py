"""Second moments of series whose observations count unequally.

Observations count by a matrix W, which is the identity or diagonal in the simpler cases. With r = W 1, c = W' 1 and
s = 1' W 1, the mean is X r / s, and the sum of squares about it

    (X - m 1') W (Y - n 1')^H = X A Y^H,    A = W - r c' / s,

whose expectation for independent observations is tr(A) times the covariance. So one divides by

    f = tr W - ddof * (c . r) / s,

which is n - ddof for the identity and NumPy's rule of `aweights` for a diagonal. Where r = c = 0, as for the Laplacian
of a graph, W itself takes the mean out: A = W and f = tr W.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Inexact

from nitrix.stats.covariance._observations import Weighting

HALVED = 384  # channels from which on three quarters of the product are faster than the whole of it, on a CPU


class Centred(NamedTuple):
    """Series about their means, in units of `scale`, which is positive; entries that are left out are 0."""

    values: Inexact[Array, "... c obs"]
    scale: Float[Array, "... c"]


def centred(
    x: Inexact[Array, "... c obs"], weighting: Weighting, *, left: bool = True
) -> Inexact[Array, "... c obs"]:
    """Series less their means, by the row sums of W (`left`) or its column sums; 0 where nothing counts."""
    return _about_mean(_shifted(x, weighting), weighting, left)


def centred_in_units(
    x: Inexact[Array, "... c obs"], weighting: Weighting, l2: Float[Array, ""] | None, *, left: bool = True
) -> Centred:
    """`centred` in units in which no square over- or underflows, nor l2: correlations do not depend on them."""
    shifted = _shifted(x, weighting)
    reach = jnp.max(jnp.abs(shifted), -1, initial=0)
    if l2 is not None:
        reach = jnp.maximum(reach, jnp.sqrt(lax.stop_gradient(l2)))
    unit = lax.stop_gradient(jnp.where(reach > 0, reach, 1))
    return Centred(_about_mean(shifted / unit[..., None].astype(x.dtype), weighting, left), unit)


def kept_entries(weighting: Weighting) -> Bool[Array, "... _c obs"] | None:
    """Which entries count; the axis of channels may have length 1."""
    if weighting.channels is not None:
        return weighting.channels
    return None if weighting.frames is None else weighting.frames[..., None, :]


def weighted(x: Inexact[Array, "... c obs"], weighting: Weighting) -> Inexact[Array, "... c obs"]:
    """X W."""
    if weighting.matrix is not None:
        return jnp.matmul(x, kept_matrix(weighting).astype(x.dtype), precision=lax.Precision.HIGHEST)
    return x if weighting.vector is None else x * kept_vector(weighting)[..., None, :].astype(x.dtype)


def product(x: Inexact[Array, "... c obs"], y: Inexact[Array, "... d obs"]) -> Inexact[Array, "... c d"]:
    """X Y^H."""
    return jnp.matmul(x, jnp.conj(jnp.swapaxes(y, -1, -2)), precision=lax.Precision.HIGHEST)


def gram(x: Inexact[Array, "... c obs"]) -> Inexact[Array, "... c c"]:
    """X X^H. Of many channels, and no fewer observations, the quarter below the diagonal mirrors the one above it."""
    c, obs = x.shape[-2:]
    if c < HALVED or obs < c:
        return product(x, x)
    a, b = x[..., : c // 2, :], x[..., c // 2 :, :]
    beside = product(a, b)
    below = jnp.conj(jnp.swapaxes(beside, -1, -2))
    upper, lower = jnp.concatenate([product(a, a), beside], -1), jnp.concatenate([below, product(b, b)], -1)
    return jnp.concatenate([upper, lower], -2)


def squares(x: Inexact[Array, "... c obs"], y: Inexact[Array, "... c obs"]) -> Float[Array, "... c"]:
    """The diagonal of X Y^H, real."""
    return jnp.sum((x * jnp.conj(y)).real, -1)


def freedom(weighting: Weighting, obs: int, ddof: int, dtype: np.dtype) -> Float[Array, "..."]:
    """f: what the squares are divided by; NaN where it is not positive."""
    if weighting.matrix is not None:
        w = kept_matrix(weighting)
        rows, columns, inverse = _sums(w)
        f = jnp.trace(w, axis1=-2, axis2=-1) - ddof * jnp.sum(rows * columns, -1) * inverse
    elif weighting.vector is not None:
        w = kept_vector(weighting)
        total = jnp.sum(w, -1)
        f = total - ddof * jnp.sum(w * w, -1) / total
        f = jnp.where(jnp.all(w >= 0, -1), f, jnp.nan)
    elif weighting.frames is not None:
        f = jnp.sum(weighting.frames, -1, dtype=dtype) - ddof
    else:
        f = jnp.asarray(obs - ddof, dtype)
    return jnp.where(f > 0, f, jnp.nan).astype(dtype)


def symmetric(weighting: Weighting) -> Weighting:
    """The symmetric part of W, for what must come out symmetric."""
    if weighting.matrix is None:
        return weighting
    return weighting._replace(matrix=(weighting.matrix + jnp.swapaxes(weighting.matrix, -1, -2)) / 2)


def _shifted(x: Inexact[Array, "... c obs"], weighting: Weighting) -> Inexact[Array, "... c obs"]:
    """Series less their first entry that counts: a constant one is exactly 0, and a far mean costs no digits."""
    kept = kept_entries(weighting)
    if kept is None:
        return x - lax.stop_gradient(x[..., :1])
    index = jnp.argmax(kept, -1, keepdims=True)
    rank = max(index.ndim, x.ndim)
    index, x = (a.reshape((1,) * (rank - a.ndim) + a.shape) for a in (index, x))
    return _where(kept, x - lax.stop_gradient(jnp.take_along_axis(x, index, -1)))


def _about_mean(
    x: Inexact[Array, "... c obs"], weighting: Weighting, left: bool
) -> Inexact[Array, "... c obs"]:
    return _where(kept_entries(weighting), x - _mean(x, weighting, left))


def _where(
    kept: Bool[Array, "... _c obs"] | None, x: Inexact[Array, "... c obs"]
) -> Inexact[Array, "... c obs"]:
    return x if kept is None else jnp.where(kept, x, 0)


def _mean(x: Inexact[Array, "... c obs"], weighting: Weighting, left: bool) -> Inexact[Array, "... c 1"]:
    """The mean of each row, x being 0 where it does not count; without any weight f is what says NaN."""
    if weighting.matrix is not None:
        rows, columns, inverse = _sums(kept_matrix(weighting))
        w = (rows if left else columns)[..., None, :] * inverse[..., None, None]
        return jnp.sum(x * w.astype(x.dtype), -1, keepdims=True)
    kept = kept_entries(weighting)
    if weighting.vector is not None:
        w = kept_vector(weighting)[..., None, :]
        w = w if weighting.channels is None else jnp.where(weighting.channels, w, 0)
    elif kept is not None:
        w = kept.astype(x.real.dtype)
    else:
        return jnp.mean(x, -1, keepdims=True)
    total = jnp.sum(w, -1, keepdims=True)
    return jnp.sum(x * w.astype(x.dtype), -1, keepdims=True) / jnp.where(total > 0, total, 1).astype(x.dtype)


def _sums(
    w: Float[Array, "... n n"],
) -> tuple[Float[Array, "... n"], Float[Array, "... n"], Float[Array, "..."]]:
    """W 1, W' 1 and 1 / (1' W 1); the last is 0 where the two first are, to rounding."""
    rows, columns = jnp.sum(w, -1), jnp.sum(w, -2)
    size = jnp.maximum(jnp.max(jnp.sum(jnp.abs(w), -1), -1), jnp.max(jnp.sum(jnp.abs(w), -2), -1))
    largest = jnp.maximum(jnp.max(jnp.abs(rows), -1), jnp.max(jnp.abs(columns), -1))
    none = largest <= w.shape[-1] * float(np.finfo(w.dtype).eps) * size
    total = jnp.sum(rows, -1)
    return rows, columns, jnp.where(none, 0, 1 / jnp.where(none, 1, total))


def kept_vector(weighting: Weighting) -> Float[Array, "... obs"]:
    assert weighting.vector is not None
    return weighting.vector if weighting.frames is None else jnp.where(weighting.frames, weighting.vector, 0)


def kept_matrix(weighting: Weighting) -> Float[Array, "... obs obs"]:
    assert weighting.matrix is not None
    if weighting.frames is None:
        return weighting.matrix
    return jnp.where(weighting.frames[..., :, None] & weighting.frames[..., None, :], weighting.matrix, 0)
