"""The tangent space at a reference matrix: into it, back to the cone, and a reference that follows batches."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num, Real

from nitrix._arguments import known_value
from nitrix.linalg.spd._arguments import EigvalueClip, KeyArray, read_floor, read_matrices, reconditioned
from nitrix.linalg.spd._divided_differences import EXP, INVERSE_SQRT, LOG, SQRT
from nitrix.linalg.spd._spectrum import NO_FLOOR, Floor, Matrices, apply_to_spectrum, product, symmetrised
from nitrix.linalg.spd.means import mean_euclidean


def tangent_project_spd(
    input: Num[ArrayLike, "... d d"],
    reference: Num[ArrayLike, "... d d"],
    *,
    psi: Real[ArrayLike, ""] = 0.0,
    key: KeyArray | None = None,
    eigvalue_clip: EigvalueClip = "auto",
) -> Float[Array, "... d d"]:
    """Positive definite matrices as tangent vectors at a reference: log(R^(-1/2) X R^(-1/2)).

    Whitened by the symmetric root, not by a Cholesky factor, whose result would differ by a rotation. One
    eigendecomposition for each reference and one for each matrix. Differentiable in both to the second order, in
    forward and reverse mode. `cone_project_spd` is the inverse, with the same reference, psi and key.

    Args:
      input: Positive definite matrices X, [... d d], of which the symmetric part is read; dtypes as for `symmap`.
      reference: Positive definite matrices R, [... d d], of which one serves several inputs where leading axes
        broadcast.
      psi: Numbers drawn from [0, psi) are added to the diagonal of the reference, for references that are nearly
        singular. The input is left as it is, so that `cone_project_spd` with the same key undoes the projection.
      key: Random key, needed if psi > 0.
      eigvalue_clip: What eigenvalues of R and of the whitened matrices count as at least: "auto", d eps times the
        largest; a number; or "none". A constant in derivatives. What was clipped does not come back.
    Returns:
      Symmetric matrices, of the leading axes of both and the wider of their dtypes.
    Raises:
      TypeError: If an operand is complex or holds no numbers.
      ValueError: If matrices are not square, their sizes differ or leading axes do not broadcast, `eigvalue_clip` is
        no such value, psi is negative or not finite, or psi > 0 comes without a key.

    Note:
      With `mean_geometric` of the inputs as the reference this is nilearn's `ConnectivityMeasure(kind="tangent")`,
      which with `vectorize=True` returns the lower triangle, its diagonal divided by sqrt(2).

    References:
      Varoquaux et al., MICCAI 2010. doi:10.1007/978-3-642-15705-9_25

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import tangent_project_spd
      >>> tangent_project_spd(jnp.exp(1.0) * jnp.eye(2), jnp.eye(2))
      Array([[1., 0.],
             [0., 1.]], dtype=float32)
    """
    x, r, floor, dtype = _operands(input, reference, psi, key, eigvalue_clip, "tangent_project_spd")
    return _tangent(x, r, floor).astype(dtype)


def cone_project_spd(
    input: Num[ArrayLike, "... d d"],
    reference: Num[ArrayLike, "... d d"],
    *,
    psi: Real[ArrayLike, ""] = 0.0,
    key: KeyArray | None = None,
    eigvalue_clip: EigvalueClip = "auto",
) -> Float[Array, "... d d"]:
    """Tangent vectors at a reference as positive definite matrices: R^(1/2) exp(V) R^(1/2).

    The inverse of `tangent_project_spd`, with the same reference, psi and key. The result is made as A A' with
    A = R^(1/2) exp(V / 2), so it is symmetric and positive definite to rounding, without any shift of eigenvalues.
    Differentiable in both to the second order, in forward and reverse mode.

    Args:
      input: Symmetric matrices V, [... d d], of which the symmetric part is read; dtypes as for `symmap`.
      reference: Positive definite matrices R, [... d d]; leading axes broadcast.
      psi: Numbers drawn from [0, psi) are added to the diagonal of the reference, as in `tangent_project_spd`.
      key: Random key, needed if psi > 0.
      eigvalue_clip: What eigenvalues of R count as at least: "auto", d eps times the largest; a number; or "none".
        A constant in derivatives.
    Returns:
      Symmetric positive definite matrices, of the leading axes of both and the wider of their dtypes.
    Raises:
      TypeError: If an operand is complex or holds no numbers.
      ValueError: If matrices are not square, their sizes differ or leading axes do not broadcast, `eigvalue_clip` is
        no such value, psi is negative or not finite, or psi > 0 comes without a key.

    References:
      Pennec et al., International Journal of Computer Vision 66, 2006. doi:10.1007/s11263-005-3222-z

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import cone_project_spd
      >>> cone_project_spd(jnp.zeros((2, 2)), 4.0 * jnp.eye(2))
      Array([[4., 0.],
             [0., 4.]], dtype=float32)
    """
    v, r, floor, dtype = _operands(input, reference, psi, key, eigvalue_clip, "cone_project_spd")
    return _cone(v, r, floor).astype(dtype)


def update_tangent_reference(
    reference: Num[ArrayLike, "... d d"],
    input: Num[ArrayLike, "... d d"],
    *,
    inertia: Real[ArrayLike, ""],
    mean: Callable[[Array], Array] = mean_euclidean,
) -> Float[Array, "... d d"]:
    """A running reference after one more batch: inertia * reference + (1 - inertia) * mean(input).

    A pure function, for projections whose reference follows the batches of a training: it stays positive definite,
    since the cone is convex. Differentiable in both operands and in `inertia`.

    Args:
      reference: The reference before, [... d d], or several of them.
      input: The batch of positive definite matrices, as `mean` takes it.
      inertia: The share of the old reference, from 0 to 1. A traced one is not checked.
      mean: The batch's new reference, of the shape of `reference`: one of the means of this module, over the first
        axis by default, or a function that stacks several for several references.
    Returns:
      The new reference, of the shape and floating dtype of `reference`.
    Raises:
      TypeError: If an operand is complex or holds no numbers.
      ValueError: If matrices are not square, `inertia` is not between 0 and 1, or the mean has another shape than the
        reference.

    References:
      Brooks et al., Riemannian batch normalization for SPD neural networks, NeurIPS 2019. arXiv:1909.02414

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import update_tangent_reference
      >>> batch = jnp.stack([2.0 * jnp.eye(2), 4.0 * jnp.eye(2)])
      >>> update_tangent_reference(jnp.eye(2), batch, inertia=0.75)
      Array([[1.5, 0. ],
             [0. , 1.5]], dtype=float32)
    """
    function = "update_tangent_reference"
    known = known_value(inertia)
    if known is not None and not 0 <= known <= 1:
        raise ValueError(f"{function}: inertia={known} must be from 0 to 1.")
    old, dtype = read_matrices(reference, function, "reference")
    batch, _ = read_matrices(input, function)
    new = mean(batch)
    if new.shape != old.shape:
        raise ValueError(
            f"{function}: the mean of the input has shape {new.shape} but reference {old.shape}; give a `mean` over "
            "the batch's axes only, or stack one mean for each reference."
        )
    share = jnp.asarray(inertia).astype(old.dtype)
    return (share * old + (1 - share) * new.astype(old.dtype)).astype(dtype)


def _operands(
    input: ArrayLike,
    reference: ArrayLike,
    psi: ArrayLike,
    key: KeyArray | None,
    clip: EigvalueClip,
    function: str,
) -> tuple[Matrices, Matrices, Floor, jnp.dtype]:
    """Both operands in one dtype, the reference reconditioned, and the dtype of the result."""
    x, x_dtype = read_matrices(input, function)
    r, r_dtype = read_matrices(reference, function, "reference")
    if x.shape[-1] != r.shape[-1]:
        raise ValueError(
            f"{function}: input has matrices of size {x.shape[-1]} but reference of size {r.shape[-1]} "
            f"(shapes {x.shape} and {r.shape})."
        )
    try:
        jnp.broadcast_shapes(x.shape, r.shape)
    except ValueError:
        raise ValueError(
            f"{function}: the leading axes of input {x.shape} and reference {r.shape} do not broadcast; insert axes "
            "of length 1."
        ) from None
    wide = jnp.promote_types(x.dtype, r.dtype)
    x, r = x.astype(wide), r.astype(wide)
    return (
        x,
        reconditioned(r, psi, key, function),
        read_floor(clip, wide, function),
        jnp.promote_types(x_dtype, r_dtype),
    )


@jax.jit
def _tangent(x: Matrices, r: Matrices, floor: Floor) -> Matrices:
    whitener = apply_to_spectrum(INVERSE_SQRT, r, floor)
    return apply_to_spectrum(LOG, symmetrised(product(whitener, product(x, whitener))), floor)


@jax.jit
def _cone(v: Matrices, r: Matrices, floor: Floor) -> Matrices:
    half = product(apply_to_spectrum(SQRT, r, floor), apply_to_spectrum(EXP, 0.5 * v, NO_FLOOR))
    return symmetrised(product(half, jnp.swapaxes(half, -2, -1)))
