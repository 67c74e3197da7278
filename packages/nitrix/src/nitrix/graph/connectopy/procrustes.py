"""Procrustes alignment: turns the maps of several subjects to each other."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from nitrix._arguments import common_dtype, real_array, whole_number
from nitrix.graph.connectopy._ritz import dot


class Alignment(NamedTuple):
    """Maps after their rotations."""

    maps: Float[Array, "b n k"]  # the given maps times their rotations
    rotations: Float[Array, "b k k"]  # orthogonal, reflections among them
    reference: Float[
        Array, "n k"
    ]  # what the maps were turned to: the one given, or the mean of the turned maps
    change: Float[Array, ""]  # of the reference in the last round, over its norm; 0 where it was given


def procrustes_align(
    maps: Num[ArrayLike, "b n k"],
    *,
    reference: Num[ArrayLike, "n k"] | None = None,
    n_iter: int = 10,
) -> Alignment:
    """Turn sets of maps, of the same vertices, so that they agree as well as rotations and reflections allow.

    Each set X is multiplied by the orthogonal matrix Q that minimises |X Q - R|: Q = U V' of the singular vectors of
    X' R. Without a reference R, the generalised alignment begins with the first set as R, turns all sets to it, takes
    their mean as the next R, and so on. Maps are neither centred nor scaled.

    Differentiable in the maps and the reference, in both directions and to any order; where a set does not determine
    its rotation, the part that is free does not move.

    Args:
      maps: Sets of k maps each, such as gradients of several subjects. Integers are taken as the default float; short
        floats are computed in float32.
      reference: What to turn them to, such as maps of a group. Default: their own mean.
      n_iter: Rounds of the generalised alignment; with a reference one is enough and no more are made.
    Returns:
      The turned maps, their rotations, the reference, and by how much it changed in the last round, over its norm.
    Raises:
      ValueError: If shapes do not fit, there are no maps, or n_iter is below 1.
      TypeError: If maps or reference does not hold real numbers.

    Note:
      Equal to `brainspace.gradient.alignment.procrustes_alignment`, which ends early where the reference has settled.

    References:
      Gower, Generalized Procrustes analysis, Psychometrika 40(1), 1975. doi:10.1007/BF02291478

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.graph import procrustes_align
      >>> one = jnp.asarray([[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0]])
      >>> other = one @ jnp.asarray([[0.0, -1.0], [-1.0, 0.0]])
      >>> (procrustes_align(jnp.stack([one, other])).maps[1].round(3) + 0.0).tolist()
      [[1.0, 0.0], [0.0, 2.0], [-1.0, 1.0]]
    """
    name = "procrustes_align"
    x = real_array(maps, name, "maps")
    if x.ndim != 3 or x.shape[0] == 0:
        raise ValueError(f"{name}: maps has shape {x.shape}; give [b n k], one set of k maps or more.")
    rounds = whole_number("n_iter", n_iter, name, least=1)
    dtype = x.dtype
    target = None
    if reference is not None:
        target = real_array(reference, name, "reference")
        if target.shape != x.shape[1:]:
            raise ValueError(
                f"{name}: reference has shape {target.shape}, but maps of shape {x.shape} need {x.shape[1:]}."
            )
        dtype = common_dtype(dtype, target.dtype)
    work = np.float32 if np.dtype(dtype).itemsize < 4 else dtype
    found = _aligned(x.astype(work), None if target is None else target.astype(work), rounds)
    return Alignment(*(part.astype(dtype) for part in found))


@partial(jax.jit, static_argnames=("rounds",))
def _aligned(x: Array, reference: Array | None, rounds: int) -> Alignment:
    def turned(reference: Array) -> tuple[Array, Array]:
        rotations = _polar(dot(jnp.swapaxes(x, 1, 2), reference))
        return dot(x, rotations), rotations

    if reference is not None:
        return Alignment(*turned(reference), reference, jnp.zeros((), x.dtype))

    def one_round(before: Array, _: None) -> tuple[Array, tuple[Array, Array]]:
        mean = turned(before)[0].mean(axis=0)
        squares = jnp.sum(lax.stop_gradient(mean - before) ** 2), jnp.sum(lax.stop_gradient(mean) ** 2)
        return mean, squares

    start = x[0]
    if rounds > 1:
        start, _ = lax.scan(one_round, start, None, length=rounds - 1)
    maps, rotations = turned(start)
    mean, (change, whole) = one_round(start, None)
    return Alignment(maps, rotations, mean, jnp.sqrt(change / jnp.where(whole > 0, whole, 1)))


# The orthogonal factor of M = Q H, with H symmetric and not negative. From dM = dQ H + Q dH follows, with the skew
# symmetric W = Q' dQ,
#   W H + H W = Q' dM - dM' Q,
# which in the eigenvectors of H is a division by sums h_i + h_j: equal singular values do no harm.
@jax.custom_jvp
def _polar(matrices: Array) -> Array:
    """Q = U V' of the singular vectors."""
    left, _, right = jnp.linalg.svd(matrices, full_matrices=False)
    return dot(left, right)


@_polar.defjvp
def _(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (m,), (dm,) = primals, tangents
    q = _polar(m)
    h, moved = dot(_t(q), m), dot(_t(q), dm)
    h = (h + _t(h)) / 2
    values, vectors = jnp.linalg.eigh(lax.stop_gradient(h))
    sums = values[..., :, None] + values[..., None, :]
    least = 10 * float(np.finfo(m.dtype).eps) * jnp.abs(values).max(-1)[..., None, None]
    inverse = jnp.where(sums > least, 1 / jnp.where(sums > least, sums, 1), 0)

    def solve(_: Any, right: Array) -> Array:
        return dot(vectors, dot(inverse * dot(_t(vectors), dot(right, vectors)), _t(vectors)))

    w = lax.custom_linear_solve(lambda w: dot(w, h) + dot(h, w), moved - _t(moved), solve, symmetric=True)
    return q, dot(q, w)


def _t(x: Array) -> Array:
    return jnp.swapaxes(x, -2, -1)
