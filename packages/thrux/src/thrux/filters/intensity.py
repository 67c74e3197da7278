"""Widths in intensity: numbers in the units of an image, or per cent of its range."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from thrux.errors import ThruxError
from thrux.filters.scene import Inside, Scene, Volume

Intensity = float | int | str  # a number, or a string such as "10%"
LOW, HIGH = 2, 98  # percentiles between which the robust range lies


def check_intensities(given: Intensity | Sequence[Intensity], channels: int) -> tuple[Intensity, ...]:
    """One for each image, the one to smooth first; a single percentage holds for all."""
    values = (given,) if isinstance(given, (str, int, float)) else tuple(given)
    for value in values:
        _parsed(value)
    if len(values) == 1 and _parsed(values[0])[1]:
        return values * channels
    if len(values) != channels:
        count = "none" if not values else ", ".join(map(str, values))
        raise ThruxError(
            f"{channels} are needed: one for the image to smooth and one for each of {channels - 1} guides, in this "
            "order",
            field="sigma_intensity",
            value=count,
            remedy="Give one for each image in its own units, or a single percentage such as 10% for all of them",
        )
    return values


def resolve(values: Sequence[Intensity], scene: Scene) -> list[float]:
    """All of them in the units of their images."""
    found = []
    for value, channel in zip(values, [scene.volume, *scene.guides], strict=True):
        number, relative = _parsed(value)
        if relative:
            low, high = robust_range(channel, scene.inside)
            number *= (high - low) / 100
            if not number > 0:
                raise ThruxError(
                    "the image is the same nearly everywhere, so a part of its range is 0",
                    field="sigma_intensity",
                    value=value,
                    remedy="Give a number in the units of the image",
                )
        found.append(number)
    return found


def robust_range(volume: Volume, inside: Inside) -> tuple[float, float]:
    """The 2nd and the 98th percentile."""
    values = volume if inside is None else volume[inside]
    if values.size == 0:
        raise ThruxError(
            "in the first volume no voxel within the mask is a number",
            field="data",
            remedy="Give numbers for what is otherwise taken from the image, or another mask",
        )
    low, high = np.percentile(values, [LOW, HIGH])
    return float(low), float(high)


def _parsed(value: Intensity) -> tuple[float, bool]:
    """The number, and whether it is a percentage."""
    text = str(value).strip()
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise ThruxError(
            "it must be a positive number in the units of the image, or a percentage of its range",
            field="sigma_intensity",
            value=value,
            remedy="Give for instance 20, or 10%",
        )
    return number, text.endswith("%")
