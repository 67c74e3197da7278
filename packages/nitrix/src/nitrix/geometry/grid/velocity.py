"""The displacement that a velocity field leads to."""

import functools
import math
from typing import Any, Literal

import jax
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real, Shaped

from nitrix._arguments import known_numbers, whole_number
from nitrix._boundary import BoundaryMode
from nitrix.geometry.grid._fields import read_fields, sampled_along

FIRST_STEP = 1 / 16  # voxels that the first step is at most long with n_steps="auto"


def integrate_velocity_field(
    velocity: Shaped[ArrayLike, "... d"],
    *,
    n_steps: int | Literal["auto"] = 7,
    mode: BoundaryMode = "nearest",
    cval: Real[ArrayLike, ""] = 0.0,
) -> Float[Array, "... d"]:
    """The displacement after unit time in a stationary velocity field, by scaling and squaring.

    The flow phi of x' = v(x) has phi_1 = phi_1/2 o phi_1/2. So u = v / 2^n is taken for the flow over 1 / 2^n, and n
    times u becomes u + u o (id + u). For small enough steps the result is a diffeomorphism, of which -v gives the
    inverse.

    Args:
      velocity: Velocities, [*leading *spatial d], in voxels per unit of time. Leading axes never mix. Integers are
        taken as the default float; float16 and bfloat16 are computed in float32.
      n_steps: How many times the flow is composed with itself, n. "auto": the least n for which no velocity is longer
        than 2^n / 16 voxels, the same for the whole batch; it is read from the values, so not under `jit`.
      mode: How fields go on beyond their ends, one of SciPy's names, as for `spatial_transform`.
      cval: What the displacement counts as there in each composition for "constant" and "grid-constant", in voxels.
    Returns:
      The displacements, [*leading *spatial d], in voxels, in the floating dtype of `velocity`; with n_steps=0 the
      velocities.
    Raises:
      TypeError: If `velocity` is complex or holds no numbers, or n_steps is another thing than an integer or "auto".
      ValueError: If `velocity` has fewer than d axes beside the last, n_steps is negative, or "auto" meets velocities
        that are traced or not finite; as `spatial_transform`.

    Note:
      There are two errors, with V the largest |v| and S the largest |grad v|. Taking the first step for straight costs
      at most V S exp(S) / 2^(n + 1) voxels: first order, one step more halves it. Interpolating linearly in the
      compositions costs at most about B exp(S) (4 + log2 V) / 16 voxels, with B the largest second differences of v
      along each axis, summed, and V at least 1/4 here: it does not fall with n, so that smooth fields are integrated
      well and noise is not. The velocity field of a linear map has the first error only, as long as its flow stays
      within the grid.

      The derivative, in reverse mode, keeps the n intermediate fields and no coordinates or weights.

    References:
      Arsigny, Commowick, Pennec and Ayache, A log-Euclidean framework for statistics on diffeomorphisms, MICCAI 2006.
      doi:10.1007/11866565_113

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.geometry import integrate_velocity_field
      >>> velocity = 0.5 * (jnp.arange(9.0)[:, None] - 4)  # away from the middle: exp(0.5) times as far at time 1
      >>> round(float(integrate_velocity_field(velocity)[5, 0]), 2)
      0.65
    """
    function = "integrate_velocity_field"
    (v,), dtype = read_fields(function, velocity=velocity)
    n = _enough_steps(v, function) if n_steps == "auto" else whole_number("n_steps", n_steps, function)
    return _integrated(v, cval, n_steps=n, mode=mode).astype(dtype)


vec_int = integrate_velocity_field


def _enough_steps(velocity: Float[Array, "... d"], function: str) -> int:
    """The least n for which velocity / 2^n is nowhere longer than the first step may be."""
    known = known_numbers(velocity)
    if known is None:
        raise ValueError(
            f"{function}: n_steps='auto' reads the velocities, which are traced here; give an integer."
        )
    longest = math.sqrt(np.max(np.sum(np.float64(known) ** 2, axis=-1), initial=0.0))
    if not math.isfinite(longest):
        raise ValueError(f"{function}: n_steps='auto' needs finite velocities; the longest is {longest}.")
    return max(0, math.ceil(math.log2(longest / FIRST_STEP))) if longest else 0


@functools.partial(jax.jit, static_argnames=("n_steps", "mode"))
def _integrated(
    velocity: Float[Array, "... d"], cval: Any, *, n_steps: int, mode: BoundaryMode
) -> Float[Array, "... d"]:
    @jax.checkpoint  # of each step the derivative keeps the field alone
    def squared(u: Float[Array, "... d"]) -> Float[Array, "... d"]:
        return u + sampled_along(u, u, mode, cval)

    start = velocity * velocity.dtype.type(0.5**n_steps)
    return lax.scan(lambda u, _: (squared(u), None), start, length=n_steps)[0]
