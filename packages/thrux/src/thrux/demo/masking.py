"""A brain mask by a threshold and morphology, and how deep each of its voxels lies, against SciPy."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np
from nitrix import morphology

from thrux.demo.data import Volume, load_brain_mask
from thrux.demo.race import Race, race
from thrux.neighbourhood import Neighbourhood

THRESHOLD = 110.0  # grey levels: tissue lies above, fluid below
OPEN_MM, CLOSE_MM = 2.0, 4.0


class BrainMask(NamedTuple):
    """The mask as it comes about."""

    volume: Volume
    steps: dict[str, np.ndarray]  # the mask after each step
    millilitres: dict[str, float]  # likewise
    dice: dict[str, float]  # likewise, with the mask that nilearn makes of the same template
    depth: np.ndarray  # mm from the nearest voxel outside the last mask
    races: list[Race]


def run(volume: Volume, *, every: int = 1) -> BrainMask:
    """Each step by nitrix and by scipy.ndimage, once; every: which slices of the template the volume has."""
    import jax.numpy as jnp
    from scipy import ndimage

    small, large = (
        Neighbourhood(radius=mm).voxels(volume.spacing, within=volume.values.shape)
        for mm in (OPEN_MM, CLOSE_MM)
    )
    size = " x ".join(map(str, volume.values.shape)) + " voxels"
    mask = volume.values > THRESHOLD
    steps, races = {"above": mask}, []
    for name, job, ours, rival, theirs in (
        (
            "opened",
            f"Opening by a ball of {OPEN_MM:g} mm",
            partial(morphology.open, structuring_element=small),
            "binary_erosion and binary_dilation",
            partial(_opened, ball=small),
        ),
        (
            "closed",
            f"Closing by a ball of {CLOSE_MM:g} mm",
            partial(morphology.close, structuring_element=large),
            "binary_dilation and binary_erosion",
            partial(_closed, ball=large),
        ),
        ("filled", "Holes filled", morphology.fill_holes, "binary_fill_holes", ndimage.binary_fill_holes),
        (
            "depth",
            "Distance to the outside",
            partial(morphology.distance_transform, spacing=volume.spacing),
            "distance_transform_edt",
            partial(ndimage.distance_transform_edt, sampling=volume.spacing),
        ),
    ):
        outcome, result = race(
            job,
            partial(ours, jnp.asarray(mask)),
            f"scipy.ndimage.{rival}",
            partial(theirs, mask),
            size=size,
            unit="mm" if name == "depth" else "in the mask",
            rounds=1,
        )
        races.append(outcome)
        if name != "depth":
            mask = steps[name] = result
    voxel_ml = math.prod(volume.spacing) / 1000
    known = load_brain_mask(every=every)
    return BrainMask(
        volume=volume,
        steps=steps,
        millilitres={name: float(part.sum()) * voxel_ml for name, part in steps.items()},
        dice={
            name: float(2 * (part & known).sum() / (part.sum() + known.sum())) for name, part in steps.items()
        },
        depth=result,
        races=races,
    )


def facts(found: BrainMask) -> list[str]:
    """Sentences for the report."""
    volumes = ", ".join(f"{name} {ml:.0f} ml" for name, ml in found.millilitres.items())
    dice = ", ".join(f"{value:.3f}" for value in found.dice.values())
    unlike = [race.job for race in found.races[:-1] if race.largest_difference]
    return [
        f"The mask holds: {volumes}. Its overlap with the mask that nilearn makes of the same template (Dice, after "
        f"each step): {dice}.",
        f"The deepest voxel lies {found.depth.max():.1f} mm from the outside.",
        "All masks are SciPy's to the last voxel."
        if not unlike
        else f"Masks that differ from SciPy's: {', '.join(unlike)}.",
    ]


def numbers(found: BrainMask) -> dict[str, float]:
    """For results.json."""
    return {
        "mask_threshold": THRESHOLD,
        "mask_open_mm": OPEN_MM,
        "mask_close_mm": CLOSE_MM,
        **{f"mask_{name}_ml": ml for name, ml in found.millilitres.items()},
        **{f"mask_{name}_dice": value for name, value in found.dice.items()},
        "mask_largest_depth_mm": float(found.depth.max()),
    }


def _opened(mask: np.ndarray, *, ball: np.ndarray) -> np.ndarray:
    """SciPy's opening where what lies past the border takes no part; its own takes it for outside."""
    from scipy import ndimage

    return ndimage.binary_dilation(ndimage.binary_erosion(mask, ball, border_value=1), ball)


def _closed(mask: np.ndarray, *, ball: np.ndarray) -> np.ndarray:
    """The closing likewise: the brain stem reaches the border, where it shall not be eaten away."""
    from scipy import ndimage

    return ndimage.binary_erosion(ndimage.binary_dilation(mask, ball), ball, border_value=1)
