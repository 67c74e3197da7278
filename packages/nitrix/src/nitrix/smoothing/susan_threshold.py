"""A brightness threshold for SUSAN from the image itself."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Real, Shaped

from nitrix._arguments import real_array
from nitrix.smoothing._window_arguments import working_dtype


def susan_brightness_threshold(
    image: Shaped[ArrayLike, "..."],
    *,
    mask: Bool[ArrayLike, "..."] | None = None,
    fraction: Real[ArrayLike, ""] = 0.75,
    background: Real[ArrayLike, ""] = 0.0,
) -> Float[Array, ""]:
    """Estimate `bthresh` of `susan_emulator`: a fraction of the median intensity of the brain above the background.

    With FSL's `susan` 0.75 times the median within the brain's mask is usual, the intensity of the background taken off
    the median first where it is not 0. A rule of thumb for functional images, not an estimate of their noise.
    Differentiable in `image`, `fraction` and `background`; the gradient goes to the voxels in the middle.

    Args:
      image: The image; one number is estimated for all of it. Integers and booleans are taken as the default float;
        float16 and bfloat16 are computed in float32.
      mask: True within the brain, of the shape of `image` or of its last axes, such as [x, y, z] for a series
        [time, x, y, z]. Default: all of the image, which is right only if it holds little else.
      fraction: Of the median's height above the background.
      background: The intensity of the background, such as a low percentile of the whole image.
    Returns:
      The threshold in units of the image, NaN if a NaN is inside the mask or, under `jit`, nothing is. It is not
      positive where the median is not above the background, which `susan_emulator` refuses.
    Raises:
      TypeError: If `image` holds no real numbers.
      ValueError: If the mask does not fit the image or holds no voxel.

    References:
      Smith and Brady, SUSAN - A new approach to low level image processing, Int. J. Comput. Vis. 23(1), 1997.
      doi:10.1023/A:1007963824710

    Example:
      >>> import jax.numpy as jnp
      >>> from nitrix.smoothing import susan_brightness_threshold
      >>> image = jnp.asarray([0.0, 0.0, 0.0, 0.0, 90.0, 100.0, 120.0])
      >>> float(susan_brightness_threshold(image, mask=image > 50))
      75.0
    """
    x = real_array(image, "susan_brightness_threshold", "image")
    inside = jnp.ones(x.shape, bool) if mask is None else _mask(mask, x.shape)
    if not isinstance(inside, jax.core.Tracer) and not bool(inside.any()):
        raise ValueError("susan_brightness_threshold: no voxel is inside the mask; there is no median.")
    dtype = working_dtype(x)
    median = _median(x.astype(dtype), inside)
    threshold = jnp.asarray(fraction).astype(dtype) * (median - jnp.asarray(background).astype(dtype))
    return threshold.astype(x.dtype)


def _mask(mask: ArrayLike, shape: tuple[int, ...]) -> Bool[Array, "..."]:
    found = jnp.asarray(mask)
    if (
        found.dtype != np.dtype(bool)
        or found.ndim > len(shape)
        or found.shape != shape[len(shape) - found.ndim :]
    ):
        raise ValueError(
            f"susan_brightness_threshold: mask is {found.dtype}{list(found.shape)}; give truth values of the image's "
            f"shape {shape} or of its last axes, for instance mask > 0."
        )
    return jnp.broadcast_to(found, shape)


@jax.jit
def _median(x: Float[Array, "..."], inside: Bool[Array, "..."]) -> Float[Array, ""]:
    count = inside.sum()
    ordered = jnp.sort(jnp.where(inside, x, jnp.full_like(x, jnp.inf)).ravel())
    low, high = ordered[(count - 1) // 2], ordered[count // 2]
    bad = (count == 0) | (inside & jnp.isnan(x)).any()
    return jnp.where(bad, jnp.full_like(low, jnp.nan), (low + high) / 2)
