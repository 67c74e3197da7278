"""Displacement fields one after the other."""

import functools

import jax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real, Shaped

from nitrix._boundary import BoundaryMode
from nitrix.geometry.grid._fields import read_fields, sampled_along


def compose_displacements(
    first: Shaped[ArrayLike, "... d"],
    then: Shaped[ArrayLike, "... d"],
    *,
    mode: BoundaryMode = "nearest",
    cval: Real[ArrayLike, ""] = 0.0,
) -> Float[Array, "... d"]:
    """The displacement that warps an image as `first` and then `then` do: u(p) = then(p) + first(p + then(p)).

    A field warps an image by out(p) = image(p + u(p)). Warping by `first`, and its result by `then`, reads the image at
    p + then(p) + first(p + then(p)). Fields between their voxels are linear, so that composition is exact where `first`
    is affine, and else errs by about an eighth of its second differences.

    Args:
      first: The displacements that warp first, [*leading *spatial d], in voxels. Leading axes broadcast and never mix.
        Integers are taken as the default float; float16 and bfloat16 are computed in float32.
      then: Those that warp its result, on the same grid.
      mode: How `first` goes on beyond its ends, one of SciPy's names, as for `spatial_transform`.
      cval: Its displacement there for "constant" and "grid-constant", in voxels.
    Returns:
      The displacements, [*leading *spatial d], in voxels, of the floating dtype that holds both fields.
    Raises:
      TypeError: If a field is complex or holds no numbers.
      ValueError: If a field has fewer than d axes beside the last, or the grids differ; as `spatial_transform`.

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import compose_displacements
      >>> double, shift = jnp.asarray([[0.0], [1.0], [2.0], [3.0]]), jnp.ones((4, 1))
      >>> compose_displacements(double, shift)[:, 0].tolist()  # 2 (p + 1) - p, as far as the field reaches
      [2.0, 3.0, 4.0, 4.0]
      >>> compose_displacements(shift, double)[:, 0].tolist()  # 2 p + 1 - p
      [1.0, 2.0, 3.0, 4.0]
    """
    (inner, outer), dtype = read_fields("compose_displacements", first=first, then=then)
    return _composed(inner, outer, cval, mode=mode).astype(dtype)


@functools.partial(jax.jit, static_argnames="mode")
def _composed(
    first: Float[Array, "... d"], then: Float[Array, "... d"], cval: Float[Array, ""], *, mode: BoundaryMode
) -> Float[Array, "... d"]:
    return then + sampled_along(first, then, mode, cval)
