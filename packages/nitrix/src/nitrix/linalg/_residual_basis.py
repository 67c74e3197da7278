"""A basis of what regressors span, orthonormal under the weights, exact for designs of any rank and scale."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float

from nitrix._wide import in_float64

HIGHEST = lax.Precision.HIGHEST
LEAST_PIVOT = 1e-6  # of the Gram matrix of unit columns, whose entries float64 rounds at 1e-16


class Basis(NamedTuple):
    """`rows` = `coordinates` @ X; rows beyond the rank are 0."""

    coordinates: Float[Array, "... r p"]
    rows: Float[Array, "... r obs"]
    rank: Float[Array, "..."]


def transposed(x: Array) -> Array:
    return jnp.swapaxes(x, -1, -2)


def product(a: Array, b: Array) -> Array:
    return jnp.matmul(a, b, precision=HIGHEST)


def weighted(rows: Array, weights: Array | None, weight_matrix: Array | None) -> Array:
    """Rows times the weights; `weight_matrix` is symmetric."""
    if weights is not None:
        return rows * weights[..., None, :]
    return rows if weight_matrix is None else product(rows, weight_matrix)


# With Z the coordinates, N = X W X' + l2 I and S = Z X: Z N Z' = I, so that the fit of Y is (Y W S') S. Any dZ with
# dZ N Z' + Z dN Z' + Z N dZ' = 0 keeps this, and every such choice gives the same derivative of S' S. Half each:
#   K = Z dN Z' = Z dX W S' + S W dX' Z' + S dW S' + dl2 Z Z',    dZ = -K Z / 2,    dS = dZ X + Z dX.
# No difference of singular values occurs, so that equal ones do no harm. Where X lacks rank, Z is 0 outside of its row
# space: this is the derivative along the changes of X that keep the rank.
@functools.partial(jax.custom_jvp, nondiff_argnums=(4,))
def design_basis(
    X: Float[Array, "... p obs"],
    weights: Float[Array, "... obs"] | None,
    weight_matrix: Float[Array, "... obs obs"] | None,
    l2: Float[Array, "..."] | None,
    method: str,
) -> Basis:
    """The basis of the rows of X; all operands have the same number of batch axes."""
    return Basis(*_decomposition(method, X.dtype)(X, weights, weight_matrix, l2))


@design_basis.defjvp
def _(method: str, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Basis, Basis]:
    basis = design_basis(*primals, method)
    _, weights, weight_matrix, _ = primals
    dX, d_weights, d_matrix, d_l2 = tangents
    Z, S, rank = basis
    moved = product(Z, dX)
    K = product(moved, transposed(weighted(S, weights, weight_matrix)))
    K = K + transposed(K)
    if d_weights is not None or d_matrix is not None:
        K = K + product(weighted(S, d_weights, d_matrix), transposed(S))
    if d_l2 is not None:
        K = K + d_l2[..., None, None] * product(Z, transposed(Z))
    K = K / 2
    return basis, Basis(-product(K, Z), moved - product(K, S), jnp.zeros_like(rank))


@functools.cache
def _decomposition(method: str, dtype: Any) -> Callable[..., tuple[Array, Array, Array]]:
    """The decomposition in float64: the design is small beside the data, and float32 loses what parts near columns."""
    tolerance = 2 * float(np.finfo(dtype).eps)
    return in_float64(functools.partial(_decompose, tolerance=tolerance, method=method), dtype)


def _decompose(
    X: Array,
    weights: Array | None,
    weight_matrix: Array | None,
    l2: Array | None,
    *,
    tolerance: float,
    method: str,
) -> tuple[Array, Array, Array]:
    """Columns scaled to length 1, then QR and the singular values of R; directions below the tolerance are left out."""
    shapes = [(X, 2), (weights, 1), (weight_matrix, 2), (l2, 0)]
    batch = np.broadcast_shapes(*(x.shape[: x.ndim - rank] for x, rank in shapes if x is not None))
    X = jnp.broadcast_to(X, (*batch, *X.shape[-2:]))
    p, obs = X.shape[-2:]
    k = p if l2 is not None or method == "cholesky" else min(p, obs)
    if p == 0 or obs == 0:
        return jnp.zeros((*batch, k, p)), jnp.zeros((*batch, k, obs)), jnp.zeros(batch)
    root = None
    columns = transposed(X)
    if weights is not None:
        root = jnp.sqrt(weights)[..., None]
        columns = root * columns
    elif weight_matrix is not None:
        columns = product(_root(weight_matrix), columns)
    if l2 is not None:
        penalty = jnp.broadcast_to(jnp.sqrt(l2)[..., None, None] * jnp.eye(p), (*batch, p, p))
        columns = jnp.concatenate([columns, penalty], axis=-2)
    scale = _lengths(columns)
    columns = columns / scale
    if method == "cholesky":
        factor = jnp.linalg.cholesky(product(transposed(columns), columns))
        pivots = jnp.diagonal(factor, axis1=-2, axis2=-1)
        factor = jnp.where((jnp.min(pivots, axis=-1) > LEAST_PIVOT)[..., None, None], factor, jnp.nan)
        Z = lax.linalg.triangular_solve(factor, jnp.eye(p) / scale, left_side=True, lower=True)
        return Z, product(Z, X), jnp.full(batch, float(p))
    U, s, Vt = _thin_svd(columns, by_qr=method == "qr")
    rounding = float(np.finfo(np.float64).eps) * max(p, obs)
    kept = ~(s <= jnp.maximum(tolerance, rounding * s[..., :1]))  # NaN is kept
    inverse = jnp.where(kept, 1.0 / jnp.where(kept, s, 1.0), 0.0)
    Z = inverse[..., None] * Vt / scale
    top = jnp.where(kept[..., None], transposed(U[..., :obs, :]), 0.0)
    if weights is None and weight_matrix is None:
        S = top
    elif root is None:
        S = product(Z, X)
    else:  # of two equal forms the one that divides by the larger number
        smallest = jnp.min(jnp.where(kept, s, jnp.inf), axis=-1)[..., None, None]
        row_root = transposed(root)
        divides = row_root > smallest
        S = jnp.where(divides, top / jnp.where(divides, row_root, 1.0), product(Z, X))
    return Z, S, jnp.sum(kept, axis=-1).astype(np.float64)


def _lengths(columns: Array) -> Array:
    """Euclidean lengths of columns, 1 for a column of zeros, without overflow."""
    peak = jnp.max(jnp.abs(columns), axis=-2, keepdims=True)
    peak = jnp.where(peak == 0, 1.0, peak)
    length = peak * jnp.sqrt(jnp.sum((columns / peak) ** 2, axis=-2, keepdims=True))
    return jnp.where(length == 0, 1.0, length)


def _root(weight_matrix: Array) -> Array:
    """R with R' R = W for a positive semidefinite W; NaN for an indefinite one."""
    values, vectors = jnp.linalg.eigh(weight_matrix)
    allowance = 1e-5 * jnp.max(jnp.abs(values), axis=-1, keepdims=True, initial=0.0)
    values = jnp.where(values < -allowance, jnp.nan, jnp.maximum(values, 0.0))
    return jnp.sqrt(values)[..., None] * transposed(vectors)


def _thin_svd(columns: Array, *, by_qr: bool) -> tuple[Array, Array, Array]:
    if not by_qr:
        U, s, Vt = jnp.linalg.svd(columns, full_matrices=False)
        return U, s, Vt
    if columns.shape[-2] < columns.shape[-1]:
        V, s, Ut = _thin_svd(transposed(columns), by_qr=True)
        return transposed(Ut), s, transposed(V)
    Q, R = jnp.linalg.qr(columns)
    U, s, Vt = jnp.linalg.svd(R, full_matrices=False)
    return product(Q, U), s, Vt
