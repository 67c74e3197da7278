"""Straight segments: points along them, and their length and energy under a field of metrics."""

import functools
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Shaped
from numpy.typing import NDArray

from nitrix._arguments import whole_number
from nitrix.geometry._operands import leading_shape, read_together
from nitrix.geometry.metrictensor.form import quadratic_form


def sample_along_line_segment(
    a: Shaped[ArrayLike, "... p"],
    b: Shaped[ArrayLike, "... p"],
    n_samples: int,
    *,
    include_endpoints: bool = True,
) -> Float[Array, "... n p"]:
    """Evenly spaced points on straight segments: (1 - t) a + t b.

    Args:
      a: Where the segments begin, [... p]. Integers are taken as the default float.
      b: Where they end, [... p]. Leading axes broadcast with those of `a`.
      n_samples: How many points, n.
      include_endpoints: Whether the first point is a and the last one b, t = i / (n - 1) for i = 0 ... n - 1; else
        t = i / (n + 1) for i = 1 ... n. A single point is the middle in both cases.
    Returns:
      The points, [... n p], of the floating dtype that holds both operands.
    Raises:
      TypeError: If an operand is complex or holds no numbers, or `n_samples` is no integer.
      ValueError: If the shapes do not fit, or there is not at least 1 sample.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import sample_along_line_segment
      >>> sample_along_line_segment(jnp.asarray([0.0]), jnp.asarray([8.0]), 3)[:, 0].tolist()
      [0.0, 4.0, 8.0]
      >>> sample_along_line_segment(jnp.asarray([0.0]), jnp.asarray([8.0]), 3, include_endpoints=False)[:, 0].tolist()
      [2.0, 4.0, 6.0]
    """
    function = "sample_along_line_segment"
    start, end, dtype = _ends(function, a, b)
    n = whole_number("n_samples", n_samples, function, least=1)
    ends = include_endpoints and n > 1
    return _points(start, end, np.arange(n) / (n - 1) if ends else np.arange(1, n + 1) / (n + 1)).astype(
        dtype
    )


def integrate_along_line_segment(
    a: Shaped[ArrayLike, "... p"],
    b: Shaped[ArrayLike, "... p"],
    metric_tensor_field: Callable[[Array], Any],
    n_samples: int,
    *,
    quantity: Literal["length", "energy"] = "length",
    norm: Callable[[Array, Any], Array] = quadratic_form,
) -> Float[Array, "... 1"]:
    """Length or energy of straight segments under a field of metrics G.

    With the tangent v = b - a, the length is the integral over t from 0 to 1 of sqrt(v' G(a + t v) v), the energy that
    of v' G(a + t v) v, by Gauss-Legendre quadrature. Under one metric everywhere both are exact, and the energy is the
    square of the length; in a field, energies are exact for metrics that are polynomials of degree 2 n - 1 along the
    segment.

    Args:
      a: Where the segments begin, [... p]. Integers are taken as the default float; float16 and bfloat16 are computed
        in float32.
      b: Where they end, [... p]. Leading axes broadcast with those of `a`.
      metric_tensor_field: The function from points [... n p] to metrics in the form that `norm` takes, with the same
        leading axes: [... n p p] for `quadratic_form`. It is called once, with all points.
      n_samples: Number n of quadrature points, none of which is an end of the segment.
      quantity: "length" or "energy".
      norm: The function (vectors [... 1 p], metrics) -> v' G v, [... n 1]: `quadratic_form`, or
        `quadratic_form_low_rank_plus_diag` for a field that returns (L, d).
    Returns:
      The integrals, [... 1], of the floating dtype that holds both ends. NaN where a length meets a negative form,
      which no metric has.
    Raises:
      TypeError: If an operand is complex or holds no numbers, or `n_samples` is no integer.
      ValueError: If the shapes do not fit, quantity is unknown, or there is not at least 1 sample.

    Note:
      Only the field sees where the segment lies, so without one a shift of both ends changes nothing. A segment of a
      single point has length 0, with derivative 0.

      The older function of this name took the quadratic form of the points instead of the tangent, without a root; its
      options of sampling are gone, since the quadrature chooses the points.

    References:
      Golub and Welsch, Calculation of Gauss quadrature rules, Mathematics of Computation 23, 1969.
      doi:10.1090/S0025-5718-69-99647-1

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import integrate_along_line_segment
      >>> half_plane = lambda x: jnp.eye(2) / x[..., 1, None, None] ** 2  # of hyperbolic geometry
      >>> a, b = jnp.asarray([0.0, 1.0]), jnp.asarray([0.0, jnp.e])
      >>> integrate_along_line_segment(a, b, half_plane, 16).round(5).tolist()
      [1.0]
    """
    function = "integrate_along_line_segment"
    start, end, dtype = _ends(function, a, b)
    n = whole_number("n_samples", n_samples, function, least=1)
    if quantity not in ("length", "energy"):
        raise ValueError(f"{function}: quantity={quantity!r} is not known; give 'length' or 'energy'.")
    nodes, weights = _gauss_legendre(n)
    points = _points(start, end, nodes.astype(start.dtype))
    form = jnp.asarray(norm((end - start)[..., None, :], metric_tensor_field(points)))
    if form.shape != (*points.shape[:-1], 1):
        raise ValueError(
            f"{function}: of {n} points on segments {points.shape[:-2]} the norm gives {form.shape}, not "
            f"{(*points.shape[:-1], 1)}; metric_tensor_field must keep the points' leading axes."
        )
    density = _root(form) if quantity == "length" else form
    return _quadrature(density, weights.astype(density.dtype)).astype(dtype)


def _ends(function: str, a: Any, b: Any) -> tuple[Float[Array, "... p"], Float[Array, "... p"], np.dtype]:
    """Both ends in a working dtype, broadcast, and the dtype of the result."""
    (start, end), dtype = read_together(function, a=a, b=b)
    if start.ndim < 1 or end.shape[-1:] != start.shape[-1:]:
        raise ValueError(
            f"{function}: a has shape {start.shape} and b {end.shape}; give points [... p] both."
        )
    shape = leading_shape(function, a=start.shape[:-1], b=end.shape[:-1])
    start, end = (jnp.broadcast_to(x, (*shape, *x.shape[-1:])) for x in (start, end))
    return start, end, dtype


@jax.jit
def _points(
    a: Float[Array, "... p"], b: Float[Array, "... p"], t: Float[Array, " n"]
) -> Float[Array, "... n p"]:
    """(1 - t) a + t b: exactly a and b at the ends."""
    late = t[:, None]
    return (1 - late) * a[..., None, :] + late * b[..., None, :]


@jax.jit
def _quadrature(density: Float[Array, "... n 1"], weights: Float[Array, " n"]) -> Float[Array, "... 1"]:
    return jnp.sum(weights[:, None] * density, axis=-2)


@functools.cache
def _gauss_legendre(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points and weights of the quadrature on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return (1 + nodes) / 2, weights / 2


@jax.jit
def _root(form: Float[Array, "..."]) -> Float[Array, "..."]:
    """The square root, with derivative 0 at 0."""
    zero = form == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, form)))
