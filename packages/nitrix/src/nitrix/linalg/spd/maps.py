"""Functions of symmetric matrices: exponential, logarithm, roots, powers, and any other of the eigenvalues."""

import functools
import math
from collections.abc import Callable
from typing import Literal

import jax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num, Real

from nitrix.linalg.spd._arguments import EigvalueClip, KeyArray, read_floor, read_matrices, reconditioned
from nitrix.linalg.spd._divided_differences import EXP, LOG, Spectral, of_function
from nitrix.linalg.spd._divided_differences import power as power_of
from nitrix.linalg.spd._newton_schulz import newton_schulz
from nitrix.linalg.spd._spectrum import NO_FLOOR, Floor, Matrices, apply_to_spectrum

SqrtDriver = Literal["eigh", "newton_schulz"]


def symmap(
    input: Num[ArrayLike, "... d d"],
    *,
    fn: Callable[[Array], Array],
    psi: Real[ArrayLike, ""] = 0.0,
    key: KeyArray | None = None,
    eigvalue_clip: EigvalueClip = "auto",
) -> Float[Array, "... d d"]:
    """Apply a function to the eigenvalues of symmetric matrices: Q f(l) Q' of Q diag(l) Q'.

    Differentiable in `input` to the second order, in forward and reverse mode. Where eigenvalues coincide or nearly
    do, the divided difference of `fn` is the mean of its derivative between them (Gauss and Legendre, three nodes),
    else the quotient, whichever has the smaller estimate of its error; so gradients are right at ties without any
    noise. They are good to about 50 roundings of `fn` where it is smooth.

    Args:
      input: Matrices, [... d d]. What is read is the symmetric part (X + X') / 2. Integers are taken as the default
        float; float16 and bfloat16 are computed in float32.
      fn: Function of an array, element by element, that JAX can differentiate twice. It must not close over values
        with respect to which you differentiate.
      psi: Numbers drawn from [0, psi) are added to the diagonal first. Not needed for stable gradients.
      key: Random key, needed if psi > 0.
      eigvalue_clip: What eigenvalues count as at least: "auto", d eps times the largest in magnitude, for positive
        (semi)definite matrices; a number; or "none", which indefinite matrices need. It is a constant in derivatives,
        so an eigenvalue under it has derivative 0.
    Returns:
      Symmetric matrices, of the shape and floating dtype of `input`.
    Raises:
      TypeError: If `input` is complex or holds no numbers.
      ValueError: If the matrices are not square, `eigvalue_clip` is no such value, psi is negative or not finite, or
        psi > 0 comes without a key.

    Note:
      SciPy's `funm` is for one general matrix, by a Schur form, without derivatives. A second derivative holds d^3
      numbers for each matrix; a third one raises a NotImplementedError.

    References:
      Higham, Functions of Matrices, SIAM 2008, chapter 3. doi:10.1137/1.9780898717778

    Example:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import symmap
      >>> total = lambda x: symmap(x, fn=jnp.sin, eigvalue_clip="none")[0, 0]
      >>> round(float(jax.grad(total)(jnp.zeros((2, 2)))[0, 0]), 6)  # at equal eigenvalues
      1.0
    """
    matrices, dtype = read_matrices(input, "symmap")
    matrices = reconditioned(matrices, psi, key, "symmap")
    floor = read_floor(eigvalue_clip, matrices.dtype, "symmap")
    return apply_to_spectrum(of_function(fn), matrices, floor).astype(dtype)


def symexp(
    input: Num[ArrayLike, "... d d"], *, psi: Real[ArrayLike, ""] = 0.0, key: KeyArray | None = None
) -> Float[Array, "... d d"]:
    """The matrix exponential of symmetric matrices, Q exp(l) Q'.

    Equal to `scipy.linalg.expm` on symmetric input. Differentiable to the second order, in forward and reverse mode,
    also at repeated eigenvalues. In float32 the error is within 1e-5 of the largest entry for `|l| <= 10`.

    Args:
      input: Matrices, [... d d], of which the symmetric part is read; dtypes as for `symmap`.
      psi: Numbers drawn from [0, psi) are added to the diagonal first.
      key: Random key, needed if psi > 0.
    Returns:
      Symmetric positive definite matrices, of the shape and floating dtype of `input`.
    Raises:
      TypeError: If `input` is complex or holds no numbers.
      ValueError: If the matrices are not square, psi is negative or not finite, or psi > 0 comes without a key.

    References:
      Higham, Functions of Matrices, SIAM 2008, chapter 10. doi:10.1137/1.9780898717778

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import symexp
      >>> [round(x, 4) for x in symexp(jnp.array([[0.0, 1.0], [1.0, 0.0]]))[0].tolist()]  # cosh 1, sinh 1
      [1.5431, 1.1752]
    """
    matrices, dtype = read_matrices(input, "symexp")
    return mapped(reconditioned(matrices, psi, key, "symexp"), NO_FLOOR, EXP).astype(dtype)


def symlog(
    input: Num[ArrayLike, "... d d"],
    *,
    psi: Real[ArrayLike, ""] = 0.0,
    key: KeyArray | None = None,
    eigvalue_clip: EigvalueClip = "auto",
) -> Float[Array, "... d d"]:
    """The matrix logarithm of symmetric positive definite matrices, Q log(l) Q'.

    Equal to `scipy.linalg.logm` on such input. Differentiable to the second order, in forward and reverse mode, also
    at repeated eigenvalues; see the table below for its accuracy.

    Args:
      input: Matrices, [... d d], of which the symmetric part is read; dtypes as for `symmap`.
      psi: Numbers drawn from [0, psi) are added to the diagonal first.
      key: Random key, needed if psi > 0.
      eigvalue_clip: What eigenvalues count as at least: "auto", d eps times the largest, so that singular matrices
        have a finite logarithm and gradient; a number; or "none": a singular matrix then gives infinities or NaN. A
        constant in derivatives.
    Returns:
      Symmetric matrices, of the shape and floating dtype of `input`.
    Raises:
      TypeError: If `input` is complex or holds no numbers.
      ValueError: If the matrices are not square, `eigvalue_clip` is no such value, psi is negative or not finite, or
        psi > 0 comes without a key.

    Note:
      In float32 the largest error of an entry, seen over 200 matrices of 10 x 10 with eigenvalues spaced evenly in
      their logarithm up to 1, is 1.1e-5 at a condition number of 1e2, 6.2e-4 at 1e4 and 3.2e-2 at 1e6 (with "none"):
      about 0.5 eps times the condition number, as rounding the matrix does already. "auto" changes nothing before the
      condition number reaches 1 / (d eps), 8e5 here; from there it cuts the logarithm off: 0.15 at 1e6. Use float64
      for more.

    References:
      Higham, Functions of Matrices, SIAM 2008, chapter 11. doi:10.1137/1.9780898717778

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import symlog
      >>> symlog(jnp.eye(2))
      Array([[0., 0.],
             [0., 0.]], dtype=float32)
    """
    matrices, dtype = read_matrices(input, "symlog")
    floor = read_floor(eigvalue_clip, matrices.dtype, "symlog")
    return mapped(reconditioned(matrices, psi, key, "symlog"), floor, LOG).astype(dtype)


def symsqrt(
    input: Num[ArrayLike, "... d d"],
    *,
    inverse: bool = False,
    driver: SqrtDriver = "eigh",
    psi: Real[ArrayLike, ""] = 0.0,
    key: KeyArray | None = None,
    eigvalue_clip: EigvalueClip = "auto",
) -> Float[Array, "... d d"]:
    """The square root of symmetric positive semidefinite matrices, or its inverse.

    Equal to `scipy.linalg.sqrtm` on such input. Differentiable to the second order, in forward and reverse mode, also
    at repeated eigenvalues.

    Args:
      input: Matrices, [... d d], of which the symmetric part is read; dtypes as for `symmap`.
      inverse: Whether to return the inverse of the root.
      driver: "eigh", by eigenvalues; or "newton_schulz", by matrix products alone (26 steps in float32, 51 in
        float64), which suits accelerators; it is differentiated step by step, to any order.
      psi: Numbers drawn from [0, psi) are added to the diagonal first.
      key: Random key, needed if psi > 0.
      eigvalue_clip: What eigenvalues count as at least: "auto", d eps times the largest, so that singular matrices
        have a finite inverse and gradient; a number; or "none": at a singular matrix the gradient, and the inverse,
        are then infinite or NaN. A constant in derivatives. The driver "newton_schulz" knows no eigenvalues: with
        "auto" it adds 2 eps times the largest row sum of magnitudes to the diagonal; with "none" it adds nothing and
        diverges where rounding has made an eigenvalue negative; it takes no number.
    Returns:
      Symmetric matrices, of the shape and floating dtype of `input`.
    Raises:
      TypeError: If `input` is complex or holds no numbers.
      ValueError: If the matrices are not square, the driver is unknown or cannot clip, `eigvalue_clip` is no such
        value, psi is negative or not finite, or psi > 0 comes without a key.

    References:
      Higham, Functions of Matrices, SIAM 2008, chapter 6. doi:10.1137/1.9780898717778

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import symsqrt
      >>> symsqrt(4.0 * jnp.eye(2), inverse=True)
      Array([[0.5, 0. ],
             [0. , 0.5]], dtype=float32)
    """
    matrices, dtype = read_matrices(input, "symsqrt")
    if driver not in ("eigh", "newton_schulz"):
        raise ValueError(f"symsqrt: driver={driver!r} is unknown; give 'eigh' or 'newton_schulz'.")
    floor = read_floor(eigvalue_clip, matrices.dtype, "symsqrt")
    matrices = reconditioned(matrices, psi, key, "symsqrt")
    if driver == "newton_schulz":
        if not isinstance(eigvalue_clip, str):
            raise ValueError(
                f"symsqrt: driver 'newton_schulz' cannot clip at eigvalue_clip={eigvalue_clip}; "
                "give driver='eigh', or 'auto' or 'none'."
            )
        return _newton_schulz(matrices, eigvalue_clip == "auto")[int(inverse)].astype(dtype)
    return mapped(matrices, floor, power_of(-0.5 if inverse else 0.5)).astype(dtype)


def sympower(
    input: Num[ArrayLike, "... d d"],
    *,
    power: int | float,
    psi: Real[ArrayLike, ""] = 0.0,
    key: KeyArray | None = None,
    eigvalue_clip: EigvalueClip = "auto",
) -> Float[Array, "... d d"]:
    """A real power of symmetric positive definite matrices, Q l^p Q'.

    Equal to `scipy.linalg.fractional_matrix_power` on such input. Differentiable in `input` to the second order, in
    forward and reverse mode, also at repeated eigenvalues; not in `power`, which is a Python number.

    Args:
      input: Matrices, [... d d], of which the symmetric part is read; dtypes as for `symmap`.
      power: The exponent p, of either sign.
      psi: Numbers drawn from [0, psi) are added to the diagonal first.
      key: Random key, needed if psi > 0.
      eigvalue_clip: What eigenvalues count as at least: "auto", d eps times the largest in magnitude; a number; or
        "none", which whole powers of indefinite matrices need. A constant in derivatives.
    Returns:
      Symmetric matrices, of the shape and floating dtype of `input`.
    Raises:
      TypeError: If `input` is complex or holds no numbers.
      ValueError: If the matrices are not square, the power is not finite, `eigvalue_clip` is no such value, psi is
        negative or not finite, or psi > 0 comes without a key.

    References:
      Higham, Functions of Matrices, SIAM 2008, chapter 7. doi:10.1137/1.9780898717778

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.linalg import sympower
      >>> sympower(jnp.diag(jnp.array([1.0, 4.0])), power=1.5)
      Array([[1., 0.],
             [0., 8.]], dtype=float32)
    """
    matrices, dtype = read_matrices(input, "sympower")
    if not math.isfinite(power):
        raise ValueError(f"sympower: power={power} must be finite.")
    floor = read_floor(eigvalue_clip, matrices.dtype, "sympower")
    matrices = reconditioned(matrices, psi, key, "sympower")
    return mapped(matrices, floor, power_of(float(power))).astype(dtype)


@functools.partial(jax.jit, static_argnums=2)
def mapped(matrices: Matrices, floor: Floor, function: Spectral) -> Matrices:
    """A named function of the eigenvalues, compiled."""
    return apply_to_spectrum(function, matrices, floor)


_newton_schulz = jax.jit(newton_schulz, static_argnums=1)
