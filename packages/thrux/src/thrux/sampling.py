"""Values of an image at given places in it, one volume after the other."""

from __future__ import annotations

import math
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Real

from thrux.errors import ThruxError
from thrux.nifti.header import NiftiHeader
from thrux.nifti.reader import scaled
from thrux.options import NanOrZero, check_choice
from thrux.selection import sortable, without_holes
from thrux.voxels import check_finite, finite_values

Method = Literal["linear", "cubic", "lanczos", "nearest", "labels"]
SELECTING = ("nearest", "labels")  # methods whose results are values of the image, in its own type

_ROUNDING = 1e-3  # voxels that a place may lie beyond the border by rounding
_TIE = 1e-4  # voxels; places halfway between two voxels belong to the second, whatever their rounding
_MOST_LABELS = 1000


class Sampler:
    """An image read at the same places in each of its volumes.

    A voxel fills the space half-way to the next centres. Places beyond the outermost voxels get `fill`; within these
    the image goes on past their centres with the values that it has there.

    Args:
      header: Of the image.
      places: Its voxel coordinates.
      method: How values between centres come about: "linear", "cubic" (splines through the values), "lanczos" (a
        window of six voxels), "nearest", or "labels": the label to which linear interpolation of all would give most.
      fill: The value outside.
      nan: What to do with voxels that are NaN or infinite.
    """

    def __init__(
        self,
        header: NiftiHeader,
        places: Float[Array, "x y z 3"],
        *,
        method: Method,
        fill: float | int = 0.0,
        nan: NanOrZero = "refuse",
    ) -> None:
        self._header, self._method, self._nan = header, method, nan
        self._fill = _stored_fill(header, fill) if method in SELECTING else np.float32(fill)
        self._places, outside = _within(places, header.shape[:3])
        self.outside: Bool[np.ndarray, "x y z"] = np.asarray(outside)
        self.not_finite = 0
        if self.outside.all():
            raise ThruxError(
                "no voxel of the grid that is asked for lies in the image",
                file=header.path,
                field="affine",
                value="elsewhere",
                remedy="Check that the images share a space, and the direction and the unit of transforms",
            )

    @property
    def dtype(self) -> np.dtype | None:
        """Of the result, as `NiftiWriter` wants it: float32, or None for stored values of the image's own type."""
        return None if self._method in SELECTING else np.dtype(np.float32)

    def sampled(self, stored: Real[np.ndarray, "i j k"], where: str) -> Real[np.ndarray, "x y z"]:
        """The values at the places; `where` says for refusals which volume it is."""
        if self._method in SELECTING:
            return self._selected(stored, where)
        values, bad = finite_values(scaled(stored, self._header, np.dtype(np.float64)), None)
        self.not_finite += check_finite(bad, self._nan, self._header.path, where, omissible=False)
        found = self._at_places(values, _interpolator(self._method))
        return np.where(self.outside, self._fill, found)

    def _selected(self, stored: Real[np.ndarray, "i j k"], where: str) -> Real[np.ndarray, "x y z"]:
        from nitrix.geometry import MultiLabel, NearestNeighbour

        kept, _, count = without_holes(stored, self._header, self._nan, where, omissible=False)
        self.not_finite += count
        if self._method == "nearest":
            given = sortable(kept)
            found = given.restore(self._at_places(given.values, NearestNeighbour()))
        else:
            labels, ranks = np.unique(kept, return_inverse=True)
            self._check_labels(labels, where)
            by_rank = MultiLabel(labels=tuple(range(len(labels))))
            found = labels[self._at_places(ranks.reshape(kept.shape).astype(np.int32), by_rank)]
        return np.where(self.outside, self._fill, found).astype(stored.dtype)

    def _at_places(self, values: Real[np.ndarray, "i j k"], method: Any) -> Real[np.ndarray, "x y z"]:
        from nitrix.geometry import sample_at_points

        places = self._places + np.float32(_TIE) if self._method == "nearest" else self._places
        # All places are within the outermost centres, so the mode is about what splines and windows see beyond them.
        return np.asarray(sample_at_points(values, places, method=method, mode="mirror"))

    def _check_labels(self, labels: Real[np.ndarray, " label"], where: str) -> None:
        real = labels.astype(np.float64) * self._header.slope + self._header.intercept
        if len(labels) > _MOST_LABELS or (real != np.round(real)).any():
            raise ThruxError(
                f"labels are whole numbers, at most {_MOST_LABELS} different ones, which this image{where} does not "
                "hold",
                file=self._header.path,
                field="data",
                value=f"{len(labels)} different values",
                remedy="Choose --method nearest, or linear for an image that is none of labels",
            )


def sample(
    values: Float[Array, "i j k c"], places: Float[Array, "x y z 3"], *, fill: float
) -> Float[Array, "x y z c"]:
    """Linearly between the centres of voxels, and `fill` outside of them, as `Sampler` does it."""
    from nitrix.geometry import sample_at_points

    inside, outside = _within(places, values.shape[:3])
    return jnp.where(outside[..., None], np.float32(fill), sample_at_points(values, inside, mode="mirror"))


def check_sampling(method: str, fill: float | int, nan: str) -> None:
    """Refuse options of which nothing can be made, before any file is read."""
    check_choice("method", method, Method)
    check_choice("nan", nan, NanOrZero)
    if not math.isfinite(fill):
        raise ThruxError("it must be finite", field="fill", value=fill, remedy="Give for instance 0")


def bytes_held(image: tuple[int, ...], grid: tuple[int, ...], method: Method) -> int:
    """About what sampling holds at a time, in bytes; labels are counted by sorting."""
    return 4 * ((22 if method == "labels" else 12) * math.prod(image[:3]) + 14 * math.prod(grid[:3]))


@jax.jit
def _clipped(places: Array, last: Array) -> tuple[Array, Array]:
    beyond = jnp.maximum(-places, places - last).max(axis=-1)
    return jnp.clip(places, 0, last), ~(beyond <= 0.5 + _ROUNDING)


def _within(places: Float[Array, "... 3"], shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Places moved onto the nearest one between the outermost centres, and which of them lie outside the image."""
    last = jax.device_put(np.array(shape, np.float32) - 1)
    return _clipped(places, last)


def _interpolator(method: Method) -> Any:
    from nitrix.geometry import CubicBSpline, Lanczos, Linear

    return {"linear": Linear, "cubic": CubicBSpline, "lanczos": Lanczos}[method]()


def _stored_fill(header: NiftiHeader, fill: float | int) -> Any:
    """The stored value that means `fill`; refused where there is none."""
    native = header.dtype.newbyteorder("=")
    stored = (fill - header.intercept) / header.slope
    if native.kind in "iu":
        stored = round(stored)
        info = np.iinfo(native)
        fits = info.min <= stored <= info.max
    else:
        fits = abs(stored) <= float(np.finfo(native).max)
    if not fits or not math.isclose(
        stored * header.slope + header.intercept, fill, rel_tol=1e-6, abs_tol=1e-9
    ):
        raise ThruxError(
            f"an image of {native.name} with its scaling cannot hold it",
            file=header.path,
            field="fill",
            value=fill,
            remedy="Give another value, or a method that makes float32",
        )
    return native.type(stored)
