"""The width of a filter in space."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from thrux.errors import ThruxError
from thrux.options import check_millimetres

FWHM_PER_SIGMA = math.sqrt(8 * math.log(2))


@dataclass(frozen=True, kw_only=True)
class Width:
    """One of two ways to say how wide the Gaussian in space is."""

    fwhm: float | int | None = None
    sigma: float | int | None = None

    def __post_init__(self) -> None:
        if (self.fwhm is None) == (self.sigma is None):
            raise ThruxError(
                "either fwhm or sigma is needed, in mm, and not both",
                field="fwhm",
                value="none" if self.fwhm is None else self.fwhm,
                remedy="Give one of them",
            )
        for name, value in (("fwhm", self.fwhm), ("sigma", self.sigma)):
            if value is not None:
                check_millimetres(name, value)

    @property
    def sigma_mm(self) -> float:
        """Standard deviation."""
        return float(self.sigma) if self.sigma is not None else self.fwhm_mm / FWHM_PER_SIGMA

    @property
    def fwhm_mm(self) -> float:
        """Full width at half maximum."""
        return float(self.fwhm) if self.fwhm is not None else self.sigma_mm * FWHM_PER_SIGMA

    @property
    def stated(self) -> tuple[str, float]:
        """The width as it was given, with its name."""
        return ("sigma", self.sigma_mm) if self.fwhm is None else ("fwhm", self.fwhm_mm)

    @property
    def guide_files(self) -> tuple[str | os.PathLike[str], ...]:
        """No other images, unless a filter says so."""
        return ()
