"""The angle between directions in space, with a derivative everywhere."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from nitrix.geometry._arc_tangent import arc_tangent


# Nearly parallel directions differ by little, and x cross y = x cross (y - x) keeps the digits of that difference,
# which sums of products lose; nearly opposite ones likewise with y + x. Components stand apart, so that of all pairs no
# array with a last axis of 3 is made.
def angle_between(x: Float[Array, "... 3"], y: Float[Array, "... 3"]) -> Float[Array, "..."]:
    """Angles in [0, pi], radians; 0 for a vector of zeros; derivative 0 at equal and opposite directions."""
    (x0, x1, x2), (y0, y1, y2) = (tuple(v[..., i] for i in range(3)) for v in (x, y))
    cosine = x0 * y0 + x1 * y1 + x2 * y2
    sign = jnp.where(cosine < 0, 1, -1).astype(cosine.dtype)
    d0, d1, d2 = y0 + sign * x0, y1 + sign * x1, y2 + sign * x2
    square = (x1 * d2 - x2 * d1) ** 2 + (x2 * d0 - x0 * d2) ** 2 + (x0 * d1 - x1 * d0) ** 2
    return arc_tangent(square, cosine)
