"""Gaussian smoothing along a surface: the heat kernel of its Laplacian, in millimetres."""

import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Inexact, Real, Shaped

from nitrix.smoothing._heat import heat
from nitrix.smoothing._surface_arguments import floating, known_degree, operators, plan, time
from nitrix.sparse import ELL, SectionedELL


def surface_gaussian(
    x: Shaped[ArrayLike, "*batch n d"],
    stiffness: ELL | SectionedELL,
    mass: Real[ArrayLike, " n"],
    *,
    sigma: Real[ArrayLike, ""] | None = None,
    fwhm: Real[ArrayLike, ""] | None = None,
    tolerance: float = 1e-6,
    degree: int | None = None,
) -> Inexact[Array, "*batch n d"]:
    """Smooth fields on a surface by the Gaussian of the surface itself, the heat kernel.

    The result is `exp(-t M^-1 L) x` with t = sigma^2 / 2: what is left of `x` after heat has flowed along the surface
    for the time t. On a plane this is the Gaussian of standard deviation sigma. Constants stay constants and the
    area-weighted mean of every connected part is kept; nothing flows past the rim of an open surface.

    The exponential is expanded in Chebyshev polynomials of the sparse matrix `M^-1 L`, so that the work is `degree`
    products with it and memory a few times `x`. In the area-weighted norm the result is within `tolerance` times the
    norm of `x`, beyond rounding, of the exact exponential [1].

    Differentiable in `x`, the width, the values of `stiffness` and `mass`, in both directions and to any order. The
    gradient in anything but `x` keeps about `2 sqrt(degree)` copies of `x`.

    Args:
      x: Values at the vertices; the last axis holds maps that do not mix, leading axes are a batch. Integers and
        booleans are taken as the default float; float16 and bfloat16 are computed in float32.
      stiffness: The integrated Laplacian L: symmetric, positive semi-definite, with rows that sum to 0, such as
        `nitrix.sparse.mesh_cotangent_laplacian` makes it. It is used in the precision of `x`. Reverse mode gathers, and
        is faster on a CPU, if it comes from `nitrix.sparse.ell_with_transpose`.
      mass: The area of each vertex in mm^2, the diagonal of M. A vertex of area 0 is not part of the surface: it keeps
        its value and must have no entries in `stiffness` but zeros.
      sigma: Standard deviation in mm. Give either this or `fwhm`.
      fwhm: Full width at half maximum in mm, 2 sqrt(2 ln 2) sigma.
      tolerance: The error that is allowed, relative to the area-weighted norm of `x`.
      degree: Products to use. Default: as many as `tolerance` needs, by `surface_gaussian_degree`. Needed where the
        width, `stiffness` or `mass` is traced, since the number of products must be known before.
    Returns:
      The smoothed fields, of the shape and floating dtype of `x`.
    Raises:
      ValueError: If both or none of sigma and fwhm are given; if the width is negative or not finite; if shapes do not
        fit; if an area is negative or not finite, or 0 where `stiffness` has entries; if `tolerance` is not between 0
        and 1; if `degree` is too small for the tolerance; if more than 10,000 products would be needed; if something
        is traced and no `degree` is given.
      TypeError: If `x` holds no real numbers, or `stiffness` is no `ELL` or `SectionedELL`.

    Note:
      To smooth within a part of the surface, or round missing data, build the operators from the triangles that lie
      within it: `Mesh(vertices, faces[mask[faces].all(axis=1)])`. Its rim is then a boundary that nothing crosses,
      and vertices outside have area 0. Cutting single entries of L would not do: it could lose positive definiteness.

      A NaN or an infinity in `x` spreads over `degree` edges; leave such vertices out as above.

      Where something is traced, what would have been refused gives NaN: a bad width or area, or a `degree` that is too
      small for the tolerance. SciPy's `expm_multiply` needs a matrix in its own format and is not differentiable.

    References:
      [1] Hochbruck and Lubich, On Krylov subspace approximations to the matrix exponential operator, SIAM J. Numer.
      Anal. 34(5), 1997. doi:10.1137/S0036142995280572

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.sparse import ell_from_dense
      >>> # The interval 0 - 1 - 2 as a graph: its Laplacian, and a length for each point.
      >>> path = ell_from_dense(jnp.asarray([[1.0, -1.0, 0.0], [-1.0, 2.0, -1.0], [0.0, -1.0, 1.0]]))
      >>> impulse = jnp.asarray([[0.0], [1.0], [0.0]])
      >>> smooth = surface_gaussian(impulse, path, jnp.ones(3), sigma=1.0)
      >>> [round(value, 4) for value in smooth[:, 0].tolist()]
      [0.259, 0.4821, 0.259]
    """
    field = floating(x)
    dtype = np.dtype(np.float32) if field.dtype.itemsize <= 2 else np.dtype(field.dtype)
    operator, area = operators(stiffness, mass, dtype)
    if field.shape[-2] != area.shape[0]:
        raise ValueError(
            f"surface_gaussian: x {field.shape} has {field.shape[-2]} vertices on its axis -2, but stiffness and mass "
            f"have {area.shape[0]}; give [..., n, d]."
        )
    t = time(sigma, fwhm, dtype)
    found, needed = plan(operator, area, t, tolerance)
    if degree is None:
        degree = known_degree(needed)
    elif degree < 0 or (needed is not None and needed > degree):
        least = 0 if needed is None else needed
        raise ValueError(
            f"surface_gaussian: degree={degree} is too small: tolerance={tolerance:g} at this width needs {least}; "
            f"leave degree out, or give {least} or more."
        )
    return heat(field, operator, area, t, found, degree=degree, tolerance=tolerance)


def surface_gaussian_degree(
    stiffness: ELL | SectionedELL,
    mass: Real[ArrayLike, " n"],
    *,
    sigma: Real[ArrayLike, ""] | None = None,
    fwhm: Real[ArrayLike, ""] | None = None,
    tolerance: float = 1e-6,
) -> int:
    """Count the products that `surface_gaussian` needs; runs on the host.

    It grows as sqrt(log(1 / tolerance) * lambda) times sigma, lambda being a bound of the largest eigenvalue of
    `M^-1 L`: the triangles' smallest heights decide. The bound is the quotient of Collatz and Wielandt, that is
    Gershgorin's with rows and columns scaled: never too small.

    Args:
      stiffness: As of `surface_gaussian`.
      mass: As of `surface_gaussian`.
      sigma: Standard deviation in mm: the widest that will be used. Give either this or `fwhm`.
      fwhm: Full width at half maximum in mm.
      tolerance: As of `surface_gaussian`.
    Returns:
      The degree to give to `surface_gaussian` where the width or the matrix is traced.
    Raises:
      ValueError, TypeError: As `surface_gaussian`.
    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.sparse import ell_from_dense
      >>> path = ell_from_dense(jnp.asarray([[1.0, -1.0, 0.0], [-1.0, 2.0, -1.0], [0.0, -1.0, 1.0]]))
      >>> surface_gaussian_degree(path, jnp.ones(3), sigma=1.0)
      6
    """
    dtype = np.dtype(jax.dtypes.canonicalize_dtype(np.float64))
    operator, area = operators(stiffness, mass, dtype)
    return known_degree(plan(operator, area, time(sigma, fwhm, dtype), tolerance)[1])
