"""Means of symmetric positive definite matrices in closed form."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num, Real

from nitrix.linalg.spd._arguments import EigvalueClip, KeyArray, read_floor, read_set
from nitrix.linalg.spd._divided_differences import EXP, INVERSE_SQRT, LOG, SQRT, power
from nitrix.linalg.spd._spectrum import NO_FLOOR, Floor, Matrices, product, symmetrised
from nitrix.linalg.spd.maps import mapped


def mean_euclidean(input: Num[ArrayLike, "... d d"], *, axis: int | Sequence[int] = 0) -> Float[Array, "..."]:
    """The arithmetic mean of symmetric matrices.

    Args:
      input: Matrices, [... d d], of which the symmetric part is read; dtypes as for `symmap`.
      axis: The axis or axes that are averaged over; neither of the matrices' own two.
    Returns:
      [... d d] without these axes, in the floating dtype of `input`.
    Raises:
      TypeError: If `input` is complex or holds no numbers.
      ValueError: If the matrices are not square, an axis is none that can be averaged over, or there is no matrix.

    References:
      Arsigny et al., SIAM Journal on Matrix Analysis and Applications 29(1), 2007. doi:10.1137/050637996

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import mean_euclidean
      >>> mean_euclidean(jnp.stack([jnp.eye(2), 3.0 * jnp.eye(2)]))
      Array([[2., 0.],
             [0., 2.]], dtype=float32)
    """
    matrices, axes, _, dtype = read_set(input, axis, 0, None, "none", "mean_euclidean")
    return jnp.mean(matrices, axes).astype(dtype)


def mean_log_euclidean(
    input: Num[ArrayLike, "... d d"],
    *,
    axis: int | Sequence[int] = 0,
    psi: Real[ArrayLike, ""] = 0.0,
    key: KeyArray | None = None,
    eigvalue_clip: EigvalueClip = "auto",
) -> Float[Array, "..."]:
    """The mean of symmetric positive definite matrices in the logarithm, exp(mean(log X)).

    Args:
      input: Matrices, [... d d], of which the symmetric part is read; dtypes as for `symmap`.
      axis: The axis or axes that are averaged over; neither of the matrices' own two.
      psi: Numbers drawn from [0, psi) are added to the diagonals first.
      key: Random key, needed if psi > 0.
      eigvalue_clip: What eigenvalues count as at least: "auto", d eps times the largest; a number; or "none". A
        constant in derivatives.
    Returns:
      [... d d] without these axes, in the floating dtype of `input`.
    Raises:
      TypeError: If `input` is complex or holds no numbers.
      ValueError: If the matrices are not square, an axis is none that can be averaged over, there is no matrix,
        `eigvalue_clip` is no such value, psi is negative or not finite, or psi > 0 comes without a key.

    References:
      Arsigny et al., SIAM Journal on Matrix Analysis and Applications 29(1), 2007. doi:10.1137/050637996

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import mean_log_euclidean
      >>> mean = mean_log_euclidean(jnp.stack([jnp.eye(2), 4.0 * jnp.eye(2)]))
      >>> [round(x, 5) + 0.0 for x in mean[0].tolist()]
      [2.0, 0.0]
    """
    matrices, axes, floor, dtype = read_set(input, axis, psi, key, eigvalue_clip, "mean_log_euclidean")
    return mapped(jnp.mean(mapped(matrices, floor, LOG), axes), NO_FLOOR, EXP).astype(dtype)


def mean_harmonic(
    input: Num[ArrayLike, "... d d"],
    *,
    axis: int | Sequence[int] = 0,
    psi: Real[ArrayLike, ""] = 0.0,
    key: KeyArray | None = None,
    eigvalue_clip: EigvalueClip = "auto",
) -> Float[Array, "..."]:
    """The harmonic mean of symmetric positive definite matrices, the inverse of the mean of the inverses.

    Args:
      input: Matrices, [... d d], of which the symmetric part is read; dtypes as for `symmap`.
      axis: The axis or axes that are averaged over; neither of the matrices' own two.
      psi: Numbers drawn from [0, psi) are added to the diagonals first.
      key: Random key, needed if psi > 0.
      eigvalue_clip: What eigenvalues count as at least, in both inverses: "auto", d eps times the largest; a number,
        of the matrices only; or "none". A constant in derivatives.
    Returns:
      [... d d] without these axes, in the floating dtype of `input`.
    Raises:
      TypeError: If `input` is complex or holds no numbers.
      ValueError: If the matrices are not square, an axis is none that can be averaged over, there is no matrix,
        `eigvalue_clip` is no such value, psi is negative or not finite, or psi > 0 comes without a key.

    References:
      Ando, Topics on operator inequalities, 1978; Lim and Palfia, Journal of Functional Analysis 262, 2012.
      doi:10.1016/j.jfa.2011.11.012

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import mean_harmonic
      >>> mean = mean_harmonic(jnp.stack([jnp.eye(2), 3.0 * jnp.eye(2)]))
      >>> [round(x, 5) + 0.0 for x in mean[0].tolist()]
      [1.5, 0.0]
    """
    matrices, axes, floor, dtype = read_set(input, axis, psi, key, eigvalue_clip, "mean_harmonic")
    return _harmonic(matrices, axes, floor).astype(dtype)


def mean_kullback(
    input: Num[ArrayLike, "... d d"],
    alpha: Real[ArrayLike, ""],
    *,
    axis: int | Sequence[int] = 0,
    psi: Real[ArrayLike, ""] = 0.0,
    key: KeyArray | None = None,
    eigvalue_clip: EigvalueClip = "auto",
) -> Float[Array, "..."]:
    """A point between the arithmetic mean E and the harmonic mean H: E^(1/2) (E^(-1/2) H E^(-1/2))^alpha E^(1/2).

    On the geodesic that joins the two. The middle, alpha 1/2, minimises the sum of symmetrised Kullback-Leibler
    divergences of centred Gaussians to those of the input, and of two matrices it is their geometric mean.

    Args:
      input: Matrices, [... d d], of which the symmetric part is read; dtypes as for `symmap`.
      alpha: Where between them: 0 gives the arithmetic mean, 1 the harmonic mean.
      axis: The axis or axes that are averaged over; neither of the matrices' own two.
      psi: Numbers drawn from [0, psi) are added to the diagonals first, once.
      key: Random key, needed if psi > 0.
      eigvalue_clip: What eigenvalues count as at least: "auto", d eps times the largest; a number, of the matrices
        only; or "none". A constant in derivatives.
    Returns:
      [... d d] without these axes, in the floating dtype of `input`.
    Raises:
      TypeError: If `input` is complex or holds no numbers.
      ValueError: If the matrices are not square, an axis is none that can be averaged over, there is no matrix,
        `eigvalue_clip` is no such value, psi is negative or not finite, or psi > 0 comes without a key.

    References:
      Moakher and Batchelor, Symmetric positive-definite matrices, 2006. doi:10.1007/3-540-31272-2_17

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import mean_kullback
      >>> mean = mean_kullback(jnp.stack([jnp.eye(2), 4.0 * jnp.eye(2)]), 0.5)
      >>> [round(x, 5) + 0.0 for x in mean[0].tolist()]
      [2.0, 0.0]
    """
    matrices, axes, floor, dtype = read_set(input, axis, psi, key, eigvalue_clip, "mean_kullback")
    automatic = _automatic(floor, matrices.dtype)
    arithmetic, harmonic = jnp.mean(matrices, axes), _harmonic(matrices, axes, floor)
    root = mapped(arithmetic, automatic, SQRT)
    whitener = mapped(arithmetic, automatic, INVERSE_SQRT)
    between = symmetrised(product(whitener, product(harmonic, whitener)))
    share = jnp.asarray(alpha).astype(matrices.dtype)
    tangent = share * mapped(between, automatic, LOG)
    half = product(root, mapped(0.5 * tangent, NO_FLOOR, EXP))
    return symmetrised(product(half, jnp.swapaxes(half, -2, -1))).astype(dtype)


def _harmonic(matrices: Matrices, axes: tuple[int, ...], floor: Floor) -> Matrices:
    inverse = power(-1.0)
    inverses = jnp.mean(mapped(matrices, floor, inverse), axes)
    return mapped(inverses, _automatic(floor, matrices.dtype), inverse)


def _automatic(floor: Floor, dtype: Any) -> Floor:
    """The same rule for what was computed, of which a number given for the matrices says nothing."""
    return read_floor("auto", dtype, "mean") if floor.share is None and floor is not NO_FLOOR else floor
