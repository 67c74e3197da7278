"""The geometric mean of symmetric positive definite matrices, by iteration."""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.sparse.linalg import cg
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Num, Real

from nitrix._arguments import known_value, whole_number
from nitrix.linalg.spd._arguments import EigvalueClip, KeyArray, read_set, read_weights
from nitrix.linalg.spd._divided_differences import EXP, INVERSE_SQRT, LOG, SQRT
from nitrix.linalg.spd._spectrum import (
    NO_FLOOR,
    Floor,
    apply_to_spectrum,
    frechet,
    product,
    spectral,
    spectrum_of,
    symmetrised,
)


class KarcherMean(NamedTuple):
    """A geometric mean, and how its iteration ended."""

    mean: Float[Array, "..."]
    iterations: Int[Array, "..."]  # steps that were taken
    step: Float[
        Array, "..."
    ]  # root mean square eigenvalue of the mean tangent vector where it ended; 0 at the mean
    converged: Bool[Array, "..."]  # whether that is within the tolerance


def mean_geometric(
    input: Num[ArrayLike, "... d d"],
    *,
    axis: int | Sequence[int] = 0,
    weights: Num[ArrayLike, "..."] | None = None,
    tol: Real[ArrayLike, ""] | None = None,
    max_iter: int = 50,
    psi: Real[ArrayLike, ""] = 0.0,
    key: KeyArray | None = None,
    eigvalue_clip: EigvalueClip = "auto",
) -> Float[Array, "..."]:
    """The geometric (Karcher, Frechet) mean of symmetric positive definite matrices.

    The `mean` of `karcher_mean`, which says how the iteration works and reports how it ended.

    Args:
      input: Matrices, [... d d], of which the symmetric part is read; dtypes as for `symmap`.
      axis: The axis or axes that are averaged over; neither of the matrices' own two.
      weights: Not negative, of the lengths of these axes in their order; only their ratios count.
      tol: Where to stop, as for `karcher_mean`.
      max_iter: The most steps that are taken.
      psi: Numbers drawn from [0, psi) are added to the diagonals first.
      key: Random key, needed if psi > 0.
      eigvalue_clip: What eigenvalues count as at least, as for `karcher_mean`.
    Returns:
      [... d d] without these axes, in the floating dtype of `input`.
    Raises:
      TypeError: If `input` is complex or holds no numbers.
      ValueError: As for `karcher_mean`.

    References:
      Bini and Iannazzo, Linear Algebra and its Applications 438, 2013. doi:10.1016/j.laa.2011.08.052

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import mean_geometric
      >>> mean = mean_geometric(jnp.stack([jnp.eye(2), 4.0 * jnp.eye(2)]))
      >>> [round(x, 5) + 0.0 for x in mean[0].tolist()]
      [2.0, 0.0]
    """
    return karcher_mean(
        input,
        axis=axis,
        weights=weights,
        tol=tol,
        max_iter=max_iter,
        psi=psi,
        key=key,
        eigvalue_clip=eigvalue_clip,
    ).mean


def karcher_mean(
    input: Num[ArrayLike, "... d d"],
    *,
    axis: int | Sequence[int] = 0,
    weights: Num[ArrayLike, "..."] | None = None,
    tol: Real[ArrayLike, ""] | None = None,
    max_iter: int = 50,
    psi: Real[ArrayLike, ""] = 0.0,
    key: KeyArray | None = None,
    eigvalue_clip: EigvalueClip = "auto",
) -> KarcherMean:
    """The geometric mean of symmetric positive definite matrices, with a report of its convergence.

    The M that minimises the weighted sum of squared geodesic distances to the matrices, which is where their mean
    tangent vector, sum_i w_i log(M^(-1/2) X_i M^(-1/2)), vanishes. From the arithmetic mean on, steps go along that
    vector; their length is the inverse of the curvature that the step before has met (Barzilai and Borwein), within
    the bounds of the Hessian (Bini and Iannazzo). Each item of a batch stops by itself.

    The mean is differentiable in the matrices and the weights to the second order, in forward and reverse mode, by
    implicit differentiation at the mean: memory does not grow with the steps, and the derivative is that of the mean
    itself, so it is right where the iteration has converged. The rest of the report has no derivative.

    Args:
      input: Matrices, [... d d], of which the symmetric part is read; dtypes as for `symmap`.
      axis: The axis or axes that are averaged over; neither of the matrices' own two.
      weights: Not negative, of the lengths of these axes in their order; only their ratios count. None weighs all
        alike. Traced weights that are none give NaN or a point that is no mean.
      tol: The iteration stops where the root mean square eigenvalue of the mean tangent vector, a relative change of
        the mean, is not above it. None: 8 d eps of the dtype. Rounding leaves some of it (in float32 2e-6 was seen at
        100 x 100), so a smaller tolerance takes all steps and is reported as not converged.
      max_iter: The most steps that are taken.
      psi: Numbers drawn from [0, psi) are added to the diagonals first.
      key: Random key, needed if psi > 0.
      eigvalue_clip: What eigenvalues of a whitened matrix count as at least: "auto", d eps times the largest, which
        keeps singular matrices finite; a number; or "none". A constant in derivatives.
    Returns:
      `mean`, [... d d] without these axes, in the floating dtype of `input`; and without the matrices' axes too,
      `iterations`, the steps taken, `step`, what is compared with `tol` at the end, and `converged`.
    Raises:
      TypeError: If `input` is complex or holds no numbers, or `max_iter` is no integer.
      ValueError: If the matrices are not square, an axis is none that can be averaged over, there is no matrix, the
        weights have another shape or are negative, not finite or all zero, tol is negative or not finite, `max_iter`
        is negative, `eigvalue_clip` is no such value, psi is negative or not finite, or psi > 0 comes without a key.

    References:
      Bini and Iannazzo, Linear Algebra and its Applications 438, 2013. doi:10.1016/j.laa.2011.08.052

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import karcher_mean
      >>> report = karcher_mean(jnp.stack([jnp.eye(2), 4.0 * jnp.eye(2)]))
      >>> bool(report.converged)
      True
    """
    function = "karcher_mean"
    matrices, axes, floor, dtype = read_set(input, axis, psi, key, eigvalue_clip, function)
    whole_number("max_iter", max_iter, function)
    known = None if tol is None else known_value(tol)
    if known is not None and not 0 <= known < float("inf"):
        raise ValueError(f"{function}: tol={known} must be finite and not negative.")
    shares = read_weights(weights, tuple(matrices.shape[a] for a in axes), matrices.dtype, function)
    stacked = jnp.moveaxis(matrices, axes, range(-2 - len(axes), -2))
    kept = stacked.shape[: stacked.ndim - 2 - len(axes)]
    stacked = stacked.reshape(*kept, shares.size, *stacked.shape[-2:])
    least = 8 * stacked.shape[-1] * float(np.finfo(stacked.dtype).eps) if tol is None else tol
    settings = Settings(jnp.asarray(least).astype(stacked.dtype), jnp.asarray(max_iter, "int32"), floor)
    report = _karcher(stacked, shares.ravel(), settings)
    return report._replace(mean=report.mean.astype(dtype), step=report.step.astype(dtype))


class Settings(NamedTuple):
    """When the iteration ends, and what eigenvalues count as at least."""

    tol: Float[Array, ""]
    max_iter: Int[Array, ""]
    floor: Floor


@jax.jit
def _karcher(
    matrices: Float[Array, "... n d d"], weights: Float[Array, " n"], settings: Settings
) -> KarcherMean:
    one = functools.partial(_report, settings=settings)
    function = jnp.vectorize(one, signature="(n,d,d),(n)->(d,d),(),(),()")
    return KarcherMean(*function(matrices, weights / jnp.sum(weights)))


def _report(
    matrices: Float[Array, "n d d"], weights: Float[Array, " n"], settings: Settings
) -> tuple[Array, ...]:
    """The mean of one set, and how its iteration ended."""
    mean, iterations, step = _fixed_point(matrices, weights, settings)
    return mean, lax.stop_gradient(iterations), lax.stop_gradient(step), step <= settings.tol


# In the frame of a factor, M = A A', the matrices are Y_i = A^-1 X_i A^-T, and the mean tangent vector is the sum V of
# w_i log Y_i, the gradient of half the weighted squared distances but for its sign. A step takes A to A exp(s V / 2),
# in whose frame the old vector, carried along, is itself: so V - V_new is s times the curvature along V (Barzilai and
# Borwein). The Hessian's eigenvalues lie between 1 and the mean of (l_i / 2) coth(l_i / 2), l_i being the logarithm of
# the condition number of Y_i (Bini and Iannazzo): no step is longer than 1 or shorter than the inverse of that.
@jax.custom_jvp
def _fixed_point(matrices: Array, weights: Array, settings: Settings) -> tuple[Array, Array, Array]:
    """The mean, the steps taken, and the last step's size."""

    def look(inverse: Array) -> tuple[Array, Array, Array]:
        """The mean tangent vector, in the frame of a factor of M; the curvature's bound; the vector's size."""
        y = symmetrised(product(inverse, product(matrices, inverse.T)))
        spectrum = spectrum_of(y, settings.floor)
        tangent = _average(weights, spectral(LOG, y, spectrum))
        values = jnp.log(jnp.maximum(spectrum.values, spectrum.floor))
        half = 0.5 * (jnp.max(values, -1, initial=-jnp.inf) - jnp.min(values, -1, initial=jnp.inf))
        small = half < 1e-3
        bound = jnp.dot(weights, jnp.where(small, 1, half / jnp.tanh(jnp.where(small, 1, half))))
        return tangent, bound, jnp.sqrt(jnp.sum(tangent**2) / max(matrices.shape[-1], 1))

    def goes_on(state: Any) -> Array:
        *_, size, count = state
        return (size > settings.tol) & (count < settings.max_iter)

    def move(state: Any) -> Any:
        factor, inverse, length, tangent, _, count = state
        spectrum = spectrum_of(0.5 * length * tangent, NO_FLOOR)
        factor = product(factor, spectral(EXP, tangent, spectrum))
        inverse = product(spectral(EXP, tangent, spectrum._replace(values=-spectrum.values)), inverse)
        new, bound, size = look(inverse)
        bend = jnp.sum(tangent * (tangent - new)) / jnp.sum(tangent**2)  # the curvature along the step
        return factor, inverse, length / jnp.clip(bend, length, length * bound), new, size, count + 1

    start = spectrum_of(_average(weights, matrices), settings.floor)
    factor, inverse = (spectral(f, matrices[0], start) for f in (SQRT, INVERSE_SQRT))
    tangent, bound, size = look(inverse)
    state = (factor, inverse, 2 / (1 + bound), tangent, size, jnp.zeros((), "int32"))
    factor, *_, size, count = lax.while_loop(goes_on, move, state)
    return symmetrised(product(factor, factor.T)), count, size


# With X_i + E_i the mean moves to M^(1/2) (I + H) M^(1/2), where, D_i being the derivative of log at Y_i,
#   sum_i w_i D_i[(H Y_i + Y_i H) / 2] = sum_i w_i D_i[M^(-1/2) E_i M^(-1/2)] + sum_i dw_i log Y_i.
# The operator on the left is the Hessian above: symmetric, and well enough conditioned for conjugate gradients.
@_fixed_point.defjvp
def _fixed_point_jvp(primals: Any, tangents: Any) -> tuple[Any, Any]:
    matrices, weights, settings = primals
    mean, count, size = _fixed_point(*primals)
    whitener = apply_to_spectrum(INVERSE_SQRT, mean, settings.floor)
    root = apply_to_spectrum(SQRT, mean, settings.floor)
    y = _whitened(whitener, matrices)
    spectrum = spectrum_of(y, settings.floor)

    def derivative(directions: Array) -> Array:
        return frechet(LOG, y, spectrum, directions)

    def hessian(h: Array) -> Array:
        return _average(weights, derivative(symmetrised(product(h, y))))

    change = _average(weights, derivative(_whitened(whitener, tangents[0])))
    change += _average(tangents[1], spectral(LOG, y, spectrum))
    eps = float(np.finfo(matrices.dtype).eps)
    gradients: Any = functools.partial(cg, tol=4 * eps, maxiter=100)
    h = lax.custom_linear_solve(hessian, change, lambda *system: gradients(*system)[0], symmetric=True)
    moved = symmetrised(product(root, product(h, root)))
    return (mean, count, size), (moved, np.zeros(count.shape, jax.dtypes.float0), jnp.zeros_like(size))


def _whitened(whitener: Array, matrices: Array) -> Array:
    return symmetrised(product(whitener, product(matrices, whitener)))


def _average(weights: Array, matrices: Array) -> Array:
    return jnp.einsum("n,nij->ij", weights, matrices, precision=lax.Precision.HIGHEST)
