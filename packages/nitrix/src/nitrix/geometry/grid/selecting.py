"""Interpolators that select values of the image: for labels, masks and whatever must not be mixed."""

import dataclasses
import math
import operator
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Shaped

from nitrix._boundary import BoundaryMode
from nitrix.geometry.grid._position import position, remainder
from nitrix.geometry.grid._sampling import all_finite, all_within, finite_axes, flat_index
from nitrix.geometry.grid.interpolators import Interpolator, Linear


@dataclasses.dataclass(frozen=True)
class NearestNeighbour:
    """The nearest voxel, of two equally near ones that of the higher number: SciPy's order 0. Keeps the image's dtype.

    Differentiable in the image; the derivative by the coordinates is 0.
    """

    selects: ClassVar[bool] = True

    def sample(self, image: Any, coordinates: Any, *, mode: BoundaryMode, cval: Any) -> Shaped[Array, "n c"]:
        """The image at coordinates in voxels."""
        sizes = image.shape[:-1]
        c = finite_axes(lax.stop_gradient(coordinates))
        nearest = [_nearest(p, size, mode) for p, size in zip(c, sizes)]
        bounded = [i.clip(0, size - 1) for i, size in zip(nearest, sizes)]
        voxels = image.reshape(math.prod(sizes), image.shape[-1])
        values = voxels.at[flat_index(bounded, sizes)].get(mode="promise_in_bounds")
        valid = all_finite(coordinates)
        if mode == "constant":
            values = jnp.where(all_within(c, sizes)[:, None], values, cval)
        if mode == "grid-constant":
            values = jnp.where(all_within(nearest, sizes)[:, None], values, cval)
        return jnp.where(valid[:, None], values, _no_place(image.dtype, cval))


@dataclasses.dataclass(frozen=True)
class MultiLabel:
    """The label whose indicator image, interpolated, is highest; of equally high ones that which is listed first.

    Where no label's is above 0 the result is `cval`: outside, among values that are not listed, and for integers at
    coordinates that are not finite. One label's indicator at a time is held. Keeps the image's dtype; the derivative
    is 0.

    Args:
      labels: The whole numbers to tell apart.
      inner: How each indicator is interpolated.
    """

    labels: tuple[int, ...]
    inner: Interpolator = Linear()  # noqa: RUF009
    selects: ClassVar[bool] = True

    def __post_init__(self) -> None:
        try:
            labels = tuple(operator.index(label) for label in self.labels)
        except TypeError:
            raise TypeError(f"MultiLabel: labels={self.labels!r} must be a sequence of integers.") from None
        if not labels or len(set(labels)) < len(labels):
            raise ValueError(f"MultiLabel: labels={labels} must be distinct, and at least one.")
        object.__setattr__(self, "labels", labels)

    def sample(self, image: Any, coordinates: Any, *, mode: BoundaryMode, cval: Any) -> Shaped[Array, "n c"]:
        """The labels at coordinates in voxels."""
        image, coordinates = lax.stop_gradient(image), lax.stop_gradient(coordinates)
        labels = _as_labels(self.labels, image.dtype)
        outside = jnp.asarray(cval).astype(image.dtype)

        def compete(leading: tuple[Array, Array], label: Array) -> tuple[tuple[Array, Array], None]:
            most, winner = leading
            share = self.inner.sample(
                (image == label).astype(most.dtype),
                coordinates,
                mode=mode,
                cval=(outside == label).astype(most.dtype),
            )
            return (jnp.maximum(most, share), jnp.where(share > most, label, winner)), None

        shape = (coordinates.shape[0], image.shape[-1])
        nothing = jnp.zeros(shape, coordinates.dtype)
        winner = lax.scan(compete, (nothing, jnp.full(shape, outside)), labels)[0][1]
        return jnp.where(all_finite(coordinates)[:, None], winner, _no_place(image.dtype, outside))


def _as_labels(labels: tuple[int, ...], dtype: Any) -> Array:
    """The labels in the image's dtype, all of which it must be able to hold."""
    held = np.asarray(labels).astype(dtype)
    if not all(int(h) == label for h, label in zip(held.tolist(), labels)):
        raise ValueError(f"MultiLabel: labels={labels} are not all values of an image of dtype {dtype}.")
    return jax.device_put(held)


def _nearest(c: Any, size: int, mode: str) -> Any:
    """The number of the nearest voxel, from halves the higher one."""
    p = position(c, size, mode, 0)
    low = jnp.floor(p)
    nearest = low.astype(np.int32) + (p - low >= 0.5).astype(np.int32)  # p + 1/2 could be rounded up itself
    if mode == "grid-wrap":
        return jnp.where(nearest == size, 0, nearest)
    if (
        mode == "mirror" and size > 1
    ):  # SciPy folds what is beyond the last voxel, by less than one, after rounding
        return jnp.where((c > 0) & (remainder(c, 2 * size - 2) == size - 0.5), size - 2, nearest)
    return nearest


def _no_place(dtype: Any, cval: Any) -> Any:
    """What stands where a coordinate is not finite: NaN, and `cval` in a dtype that has none."""
    return jnp.full((), jnp.nan, dtype) if jnp.issubdtype(dtype, jnp.inexact) else cval
