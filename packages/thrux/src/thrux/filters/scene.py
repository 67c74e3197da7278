"""What a filter of volumes is given, and what it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from thrux.errors import ThruxError

Volume = Float[np.ndarray, "x y z"]
Inside = Bool[np.ndarray, "x y z"] | None  # None: every voxel takes part


class Scene(NamedTuple):
    """The first volume of a file with what belongs to it: a filter takes from it what holds for all volumes."""

    volume: Volume  # finite
    inside: Inside
    guides: list[Volume]
    spacing: tuple[float, float, float]  # mm


class Fitted(NamedTuple):
    """A filter that knows its numbers."""

    parameters: dict[str, Any]  # for the report
    apply: Callable[[Volume, Inside], np.ndarray]  # voxels that are not inside come back anyhow


@runtime_checkable
class Filter(Protocol):
    """One way to smooth a volume."""

    name: ClassVar[str]

    @property
    def sigma_mm(self) -> float:
        """Standard deviation of the Gaussian in space."""

    @property
    def fwhm_mm(self) -> float:
        """Its full width at half maximum."""

    @property
    def stated(self) -> tuple[str, float]:
        """The width as it was given, with its name."""

    @property
    def guide_files(self) -> tuple[str | os.PathLike[str], ...]:
        """Images on the same grid that help to decide which voxels are alike."""

    @property
    def volumes_held(self) -> int:
        """Copies of a volume in float32 that are alive at a time, guides not counted."""

    def fit(self, scene: Scene) -> Fitted:
        """Settle what depends on the image."""


def in_words(name: str, run: Callable[[], Any]) -> np.ndarray:
    """What nitrix refuses, as a refusal of thrux."""
    try:
        return np.asarray(run())
    except NotImplementedError as error:
        raise ThruxError(
            f"it is not served on this machine ({error})",
            field="method",
            value=name,
            remedy="Choose another method, for instance bilateral",
        ) from None
    except ValueError as error:
        raise ThruxError(
            f"the volume cannot be smoothed so ({str(error).rstrip('.')})",
            field="method",
            value=name,
            remedy="Check the widths and the voxel size",
        ) from None
