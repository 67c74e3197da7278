"""The displacement that takes a displacement back."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Real, Shaped

from nitrix._arguments import cast, check_width, whole_number
from nitrix._boundary import BoundaryMode
from nitrix.geometry.grid._determinants import solution
from nitrix.geometry.grid._fields import displaced, read_fields, sampled_along
from nitrix.geometry.grid.transform import spatial_transform


class DisplacementInverse(NamedTuple):
    """The inverse of a displacement field, and how its iteration ended."""

    inverse: Float[Array, "... d"]  # v, voxels
    residual: Float[Array, "..."]  # the longest v(p) + u(p + v(p)), voxels
    iterations: Int[Array, "..."]  # compositions that were made
    converged: Bool[Array, "..."]  # whether the residual is within the tolerance


def invert_displacement(
    u: Shaped[ArrayLike, "... d"],
    *,
    n_iter: int = 100,
    tol: Real[ArrayLike, ""] = 1e-3,
    mode: BoundaryMode = "nearest",
    cval: Real[ArrayLike, ""] = 0.0,
) -> DisplacementInverse:
    """The displacement v that takes u back: p + v(p) + u(p + v(p)) = p, with a report of convergence.

    By the fixed point v <- -u o (id + v), from v = -u on. Each iteration shortens the error by the largest slope of u,
    so that it converges where that is below 1. Beyond, it may not, and says so. A field that folds, where the
    determinant of `jacobian_det_displacement` is not positive, has no inverse: the iteration then does not converge, or
    settles on one of several places that u brings to p. Each item of a batch stops by itself.

    The inverse is differentiable in u, in both modes, by implicit differentiation at v: memory does not grow with the
    iterations, and the derivative is that of the inverse itself, so it is right where the iteration has converged. The
    rest of the report has no derivative.

    Args:
      u: Displacements, [*leading *spatial d], in voxels. Leading axes never mix. Integers are taken as the default
        float; float16 and bfloat16 are computed in float32.
      n_iter: The most iterations.
      tol: The iteration stops where no voxel's residual v(p) + u(p + v(p)) is longer, in voxels.
      mode: How u goes on beyond its ends, one of SciPy's names, as for `spatial_transform`.
      cval: Its displacement there for "constant" and "grid-constant", in voxels.
    Returns:
      `inverse`, [*leading *spatial d], in the floating dtype of `u`; and of shape [*leading], `residual`, the length
      that is compared with `tol` at the end, in voxels, `iterations`, and `converged`.
    Raises:
      TypeError: If `u` is complex or holds no numbers, or n_iter is no integer.
      ValueError: If `u` has fewer than d axes beside the last, n_iter is negative, or tol is negative or not finite;
        as `spatial_transform`.

    Note:
      For the inverse of an integrated velocity field integrate its negative. In float32, coordinates of some hundred
      voxels have steps of about 3e-5, below which no residual falls.

    References:
      Chen, Lu, Chen, Ruchala and Olivera, A simple fixed-point approach to invert a deformation field, Medical Physics
      35, 2008. doi:10.1118/1.2816107

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import invert_displacement
      >>> shift = jnp.full((5, 1), 0.5)
      >>> report = invert_displacement(shift)
      >>> report.inverse[:, 0].tolist(), bool(report.converged)
      ([-0.5, -0.5, -0.5, -0.5, -0.5], True)
    """
    function = "invert_displacement"
    (field,), dtype = read_fields(function, u=u)
    whole_number("n_iter", n_iter, function)
    check_width("tol", tol, function, at_least_zero=True)
    length, outside = (jnp.asarray(cast(x, field.dtype)) for x in (tol, cval))
    settings = Settings(length, outside, jnp.asarray(n_iter, "int32"))
    report = _inverses(field, settings, mode)
    return report._replace(inverse=report.inverse.astype(dtype), residual=report.residual.astype(dtype))


class Settings(NamedTuple):
    """When the iteration ends, and what stands beyond the field's ends."""

    tol: Float[Array, ""]
    cval: Float[Array, ""]
    n_iter: Int[Array, ""]


@functools.partial(jax.jit, static_argnames="mode")
def _inverses(field: Float[Array, "... d"], settings: Settings, mode: BoundaryMode) -> DisplacementInverse:
    def one(u: Array) -> DisplacementInverse:
        v, residual, count = _fixed_point(mode, u, settings)
        return DisplacementInverse(v, lax.stop_gradient(residual), count, residual <= settings.tol)

    for _ in range(field.ndim - 1 - field.shape[-1]):
        one = jax.vmap(one)
    return one(field)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _fixed_point(
    mode: BoundaryMode, u: Float[Array, "... d"], settings: Settings
) -> tuple[Array, Array, Array]:
    """The inverse, its residual, and the iterations made."""

    def look(v: Array) -> tuple[Array, Array]:
        """-u o (id + v), and how far it is from v."""
        new = -sampled_along(u, v, mode, settings.cval)
        return new, jnp.sqrt(jnp.max(jnp.sum(jnp.square(new - v), axis=-1), initial=0))

    def goes_on(state: Any) -> Array:
        *_, residual, count = state
        return (residual > settings.tol) & (count < settings.n_iter)

    def move(state: Any) -> Any:
        _, new, _, count = state
        return new, *look(new), count + 1

    start = -u, *look(-u), jnp.zeros((), "int32")
    v, _, residual, count = lax.while_loop(goes_on, move, start)
    return v, residual, count


# From v + u o (id + v) = 0 follows (I + Du) dv = -du o (id + v) at each voxel by itself, with Du, the slopes of u,
# taken at p + v(p).
@_fixed_point.defjvp
def _fixed_point_jvp(mode: BoundaryMode, primals: Any, tangents: Any) -> tuple[Any, Any]:
    u, settings = primals
    du, changes = tangents
    v, residual, count = _fixed_point(mode, u, settings)
    here, d = displaced(v), u.shape[-1]
    at = functools.partial(spatial_transform, mode=mode)
    along = [jnp.broadcast_to(jnp.eye(d, dtype=u.dtype)[j], here.shape) for j in range(d)]
    slopes = [jax.jvp(lambda x: at(u, x, cval=settings.cval), (here,), (e,))[1] for e in along]
    rows = [[slopes[j][..., i] + (1 if i == j else 0) for j in range(d)] for i in range(d)]
    moved = at(du, here, cval=changes.cval)
    dv = jnp.stack(solution(rows, [-moved[..., i] for i in range(d)]), axis=-1)
    nothing = np.zeros(count.shape, jax.dtypes.float0)
    return (v, residual, count), (dv, jnp.zeros_like(residual), nothing)
